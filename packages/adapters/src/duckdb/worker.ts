/** Entry of the thread that owns the database file. Nothing else opens it. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { assert, type Clock, type Logger } from '@millrace/core/base';
import type { Drift, LiveModels } from '@millrace/core/models';
import { serveQueries, TableVersions, toErrorMessage, warehouseError } from '@millrace/core/warehouse';
import { FigureSender } from './figure-channel.ts';
import { unpackParts, type Call, type FromThread, type ThreadData, type ToThread } from './protocol.ts';
import { WarehouseThread } from './warehouse-thread.ts';

assert(parentPort !== null, 'worker.ts runs as a worker thread');
const mainThread: MessagePort = parentPort;
const { settings, versions } = workerData as ThreadData;
const queryPorts = new Set<MessagePort>();

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const logger: Logger = {
  debug: (message, fields = {}) => post({ type: 'log', level: 'debug', message, fields }),
  info: (message, fields = {}) => post({ type: 'log', level: 'info', message, fields }),
  warn: (message, fields = {}) => post({ type: 'log', level: 'warn', message, fields }),
  error: (message, fields = {}) => post({ type: 'log', level: 'error', message, fields }),
};

const meter = new FigureSender({ post, clock });

/** Of the database that is open; a new one when it is opened again. */
let models: LiveModels | undefined;

function post(message: FromThread): void {
  mainThread.postMessage(message);
}

async function createModels(): Promise<LiveModels | undefined> {
  const { manifestPath } = settings;
  if (manifestPath === undefined) return undefined;
  const { createModelRefresher, parseManifest } = await import('@millrace/core/models');
  const manifest = parseManifest(await readManifest(manifestPath));
  const onDrift = (drift: Drift) => post({ type: 'drift', drift });
  models = createModelRefresher({ manifest, clock, logger, meter, onDrift });
  return models;
}

async function readManifest(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const message = `The compiled manifest ${path} cannot be read.`;
    throw warehouseError('WAREHOUSE_MANIFEST_UNREADABLE', { message, details: { path }, cause });
  }
}

async function perform(thread: WarehouseThread, call: Call): Promise<unknown> {
  switch (call.method) {
    case 'defineTables':
      return thread.defineTables(call.tables);
    case 'loadedOffsets':
      return thread.loadedOffsets();
    case 'load':
      return thread.load(unpackParts(call.parts, call.bytes), call.nowMs);
    case 'checkpoint':
      return thread.checkpoint();
    case 'models':
      return models?.describePlan() ?? [];
    case 'close':
      return thread.close();
  }
}

async function answer(thread: WarehouseThread, id: number, call: Call): Promise<void> {
  try {
    post({ type: 'reply', id, result: await perform(thread, call) });
  } catch (error) {
    post({ type: 'reply', id, error: toErrorMessage(error) });
  }
  if (call.method === 'close') end();
}

/** Without ports the thread has nothing to wait for, and ends. */
function end(): void {
  meter.flush();
  for (const port of queryPorts) port.close();
  mainThread.close();
}

function listen(thread: WarehouseThread): void {
  mainThread.on('message', (message: ToThread) => {
    if (message.type === 'call') {
      void answer(thread, message.id, message.call);
      return;
    }
    const { port } = message;
    queryPorts.add(port);
    port.on('close', () => queryPorts.delete(port));
    serveQueries(port, (sql, options) => thread.query(sql, options));
  });
}

try {
  const onChange = (tables: readonly string[]) => post({ type: 'changed', tables });
  const createRefresher = createModels;
  const shared = TableVersions.from(versions);
  listen(await WarehouseThread.open({ settings, versions: shared, clock, meter, createRefresher, onChange }));
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'failed', error: toErrorMessage(error) });
  end();
}
