/**
 * The Cube thread. Started by `CubeSemanticLayer` from its bundle; speaks `WorkerRequest` and `WorkerReply`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, messageOf } from '@millrace/core/base';
import { semanticError, type MetricResult } from '@millrace/core/semantic';
import { TableVersions, toErrorMessage } from '@millrace/core/warehouse';
import { DataVersions } from './data-versions.ts';
import { WarehouseDriver } from './driver.ts';
import { EmbeddedCube, type CompiledModels, type CubeReply } from './embedded-cube.ts';
import { metricResultOf, type CubeAnswer } from './metric-result.ts';
import { MetricServer } from './metric-server.ts';
import { Models } from './models.ts';
import { sealThread } from './sealed-thread.ts';
import type { WorkerCall, WorkerReply, WorkerRequest, WorkerSettings } from './worker-messages.ts';

assert(parentPort, 'the Cube worker runs in a thread');
const port = parentPort;
const { config, queries, socketPath, tableVersions } = workerData as WorkerSettings;
const figuresIntervalMs = 5_000;

function send(reply: WorkerReply): void {
  port.postMessage(reply);
}

function log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
  send({ type: 'log', level, message });
}

sealThread((attempt) => log('error', `Cube tried to use ${attempt}; it was refused.`));
process.on('unhandledRejection', (error) => log('error', `Unhandled: ${messageOf(error)}`));

const versions = new DataVersions(TableVersions.from(tableVersions));
const driver = new WarehouseDriver(queries, config.queriesMax);
const cube = new EmbeddedCube({ config, driver, versions, log });
const models = new Models<CompiledModels>({
  folder: config.modelFolder,
  compile: (files) => cube.compile(files),
  onChange(error) {
    if (models.current !== undefined) cube.serve(models.current);
    const usable = models.current !== undefined;
    send({ type: 'models', usable, ...(error === undefined ? {} : { error: toErrorMessage(error) }) });
  },
});

async function load(
  query: object,
  securityContext: Readonly<Record<string, unknown>>,
): Promise<MetricResult> {
  const context = cube.context(securityContext);
  const reply = Promise.withResolvers<CubeReply>();
  await cube.gateway.load({
    query: { ...query, responseFormat: 'columnar' },
    queryType: 'multi',
    context,
    res: (answer) => reply.resolve(answer),
  });
  const answer = await reply.promise;
  if (answer.isWrapper === true) return metricResultOf(refusable(() => answer.finalObject?.()) as CubeAnswer);
  throw (
    cube.takeFailure(context) ?? semanticError('SEMANTIC_QUERY_REFUSED', { message: String(answer.error) })
  );
}

/** Making the answer is where Cube refuses hidden members. */
function refusable<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw semanticError('SEMANTIC_QUERY_REFUSED', { message: messageOf(error), cause: error });
  }
}

async function answer(call: WorkerCall): Promise<unknown> {
  switch (call.method) {
    case 'load':
      return await load(call.query, call.securityContext);
    case 'tablesOf':
      return await cube.tablesOf(call.query, call.securityContext);
    case 'meta':
      return await new Promise((resolve, reject) => {
        const context = cube.context(call.securityContext);
        cube.gateway.meta({ context, res: resolve }).catch(reject);
      });
    case 'reload':
      return await models.reload();
  }
}

async function start(): Promise<void> {
  await MetricServer.listen({ cube, socketPath, apiScopes: config.apiScopes, versions, log });
  port.on('message', (request: WorkerRequest) => {
    answer(request).then(
      (result) => send({ type: 'result', id: request.id, result }),
      (error: unknown) => send({ type: 'error', id: request.id, error: toErrorMessage(error) }),
    );
  });
  setInterval(() => send({ type: 'figures', figures: cube.figures }), figuresIntervalMs);
  // Last: with the first models the layer is ready.
  await models.reload();
  models.watch(config.modelPollMs);
}

start().catch((error: unknown) => send({ type: 'failed', error: toErrorMessage(error) }));
