import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, type MessagePort } from 'node:worker_threads';
import { messageOf, sleep, type Clock, type Logger, type Meter } from '@millrace/core/base';
import {
  semanticError,
  type MetricQuery,
  type MetricResult,
  type SecurityContext,
  type SemanticLayer,
} from '@millrace/core/semantic';
import { fromErrorMessage, type ErrorMessage, type TableVersions } from '@millrace/core/warehouse';
import { bundleCubeWorker } from './bundle.ts';
import { cubeDefaults, cubeEnvironment, type CubeAuth, type CubeConfig } from './config.ts';
import { fail } from './errors.ts';
import type { CacheFigures, WorkerCall, WorkerReply, WorkerSettings } from './worker-messages.ts';

export interface CubeSemanticLayerOptions extends Partial<CubeConfig> {
  readonly modelFolder: string;
  readonly auth: CubeAuth;
  /** Where the thread's bundle is kept between starts. */
  readonly cacheFolder: string;
  /**
   * A new way to the warehouse thread; asked for at each start of the Cube thread, which owns the port then.
   */
  readonly openQueryPort: () => MessagePort | Promise<MessagePort>;
  /** The warehouse's table versions, raised after each commit. */
  readonly tableVersions: TableVersions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Another stand-in for Cube's native addon than the own one. */
  readonly nativeStandIn?: string;
}

type State = SemanticLayer['state'];

const restartDelayMs = { first: 250, max: 30_000 };
const steadyMs = 60_000;
// A small nursery costs no speed here and keeps the process 100 MB smaller; beyond the whole the thread
// starts anew.
const heapLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 384 };

/**
 * Metrics by Cube in a thread of this process.
 *
 * ```
 *            models compiled              thread died
 *  starting ────────────────▶ ready ───────────────────▶ starting (again after a growing pause)
 *     │ no models compile, or no bundle        ▲
 *     └──────────▶ failed ─────────────────────┘ a changed file compiles
 * ```
 *
 * Returns at once; everything happens off the caller's path. `reason` on `ready` says why the newest model
 * files do not serve: the last good ones do.
 */
export class CubeSemanticLayer implements SemanticLayer {
  readonly #options: CubeSemanticLayerOptions;
  readonly #listeners = new Set<() => void>();
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #gauges: { readonly [Name in keyof CacheFigures]: { set(value: number): void } };
  #state: State = { status: 'starting' };
  #socketPath: string | undefined;
  #worker: Worker | undefined;
  #lastCall = 0;

  constructor(options: CubeSemanticLayerOptions) {
    const { meter } = options;
    this.#options = options;
    this.#gauges = {
      hits: meter.gauge('semantic_cache_hits', 'Metric queries answered from the cache'),
      misses: meter.gauge('semantic_cache_misses', 'Metric queries that the warehouse answered'),
      bytes: meter.gauge('semantic_cache_bytes', 'Memory of cached answers'),
      entries: meter.gauge('semantic_cache_entries', 'Cached answers'),
    };
    this.#running = this.#run();
  }

  get state(): State {
    return this.#state;
  }

  /** Where Cube's REST, GraphQL and WebSocket listen; undefined while the thread is not there. */
  get socketPath(): string | undefined {
    return this.#state.status === 'ready' ? this.#socketPath : undefined;
  }

  onStateChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async load(query: MetricQuery, securityContext: SecurityContext): Promise<MetricResult> {
    return (await this.#call({ method: 'load', query, securityContext })) as MetricResult;
  }

  /** With the row filters of this caller; all relations there are when it cannot be told which. */
  async tablesOf(query: MetricQuery, securityContext: SecurityContext = {}): Promise<ReadonlySet<string>> {
    const tables = await this.#call({ method: 'tablesOf', query, securityContext });
    return (tables as ReadonlySet<string> | undefined) ?? new Set(this.#options.tableVersions.all().keys());
  }

  async meta(securityContext: SecurityContext): Promise<unknown> {
    return await this.#call({ method: 'meta', securityContext });
  }

  /** Reads the model files now instead of at the next look; `state` has the outcome. */
  async reloadModels(): Promise<void> {
    await this.#call({ method: 'reload' });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#worker?.terminate();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#closing;
    let deaths = 0;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        const reason = await this.#runThread();
        if (signal.aborted) break;
        if (clock.monotonicMs() - startedMs > steadyMs) deaths = 0;
        if (this.#state.status !== 'failed') {
          this.#become({ status: 'starting', reason: `The Cube thread ended (${reason}); it starts again.` });
        }
        logger.error('cube: the thread ended', { reason });
      } catch (error) {
        if (signal.aborted) break;
        this.#become({ status: 'failed', reason: messageOf(error) });
        logger.error('cube: the thread could not start', { reason: messageOf(error) });
      }
      await sleep(clock, Math.min(restartDelayMs.max, restartDelayMs.first * 2 ** deaths++), signal);
    }
    this.#become({ status: 'failed', reason: 'closed' });
  }

  /** Resolves with the reason when the thread has ended. */
  async #runThread(): Promise<string> {
    const { cacheFolder, nativeStandIn, openQueryPort, tableVersions } = this.#options;
    const bundle = await bundleCubeWorker({ cacheFolder, ...(nativeStandIn ? { nativeStandIn } : {}) });
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
    const socketPath =
      process.platform === 'win32' ? `\\\\.\\pipe\\millrace-${folder.slice(-6)}` : join(folder, 'cube.sock');
    try {
      if (this.#closing.signal.aborted) return 'closed';
      const queries = await openQueryPort();
      const settings: WorkerSettings = {
        config: configOf(this.#options),
        socketPath,
        queries,
        tableVersions: tableVersions.share(),
      };
      const worker = new Worker(bundle, {
        name: 'cube',
        workerData: settings,
        transferList: [queries],
        env: { ...cubeEnvironment },
        execArgv: [],
        stdout: true,
        stderr: true,
        resourceLimits: heapLimits,
      });
      this.#socketPath = socketPath;
      return await this.#follow(worker);
    } finally {
      this.#socketPath = undefined;
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #follow(worker: Worker): Promise<string> {
    const { logger } = this.#options;
    const ended = Promise.withResolvers<string>();
    let problem: string | undefined;
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => logger.debug(`cube: ${text.trim()}`));
    }
    worker.on('message', (reply: WorkerReply) => this.#receive(reply));
    worker.on('error', (error) => {
      problem = messageOf(error);
    });
    worker.on('exit', (code) => ended.resolve(problem ?? `exit code ${code}`));
    this.#worker = worker;
    const reason = await ended.promise;
    this.#worker = undefined;
    for (const call of this.#calls.values()) call.reject(fail('CUBE_THREAD_DIED', { retryAfterMs: 1_000 }));
    this.#calls.clear();
    return reason;
  }

  #receive(reply: WorkerReply): void {
    const { logger } = this.#options;
    switch (reply.type) {
      case 'result':
        this.#take(reply.id)?.resolve(reply.result);
        return;
      case 'error':
        this.#take(reply.id)?.reject(fromErrorMessage(reply.error));
        return;
      case 'log':
        logger[reply.level](`cube: ${reply.message}`);
        return;
      case 'figures':
        for (const [name, gauge] of Object.entries(this.#gauges)) {
          gauge.set(reply.figures[name as keyof CacheFigures]);
        }
        return;
      case 'models':
        this.#modelsChanged(reply.usable, reply.error);
        return;
      case 'failed':
        // It did not get as far as looking at model files: end it and start anew.
        this.#become({ status: 'failed', reason: reply.error.message });
        void this.#worker?.terminate();
    }
  }

  #modelsChanged(usable: boolean, error: ErrorMessage | undefined): void {
    if (error !== undefined) {
      this.#options.logger.warn('cube: the data models cannot serve', { reason: error.message });
    }
    const reason = error === undefined ? {} : { reason: error.message };
    this.#become({ status: usable ? 'ready' : 'failed', ...reason });
  }

  #become(state: State): void {
    if (state.status === this.#state.status && state.reason === this.#state.reason) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  async #call(call: WorkerCall): Promise<unknown> {
    const { status, reason } = this.#state;
    if (this.#closing.signal.aborted) throw semanticError('SEMANTIC_CLOSED');
    if (this.#worker === undefined || (status !== 'ready' && call.method !== 'reload')) {
      if (status === 'starting') throw semanticError('SEMANTIC_STARTING', { retryAfterMs: 500 });
      throw semanticError('SEMANTIC_FAILED', reason === undefined ? {} : { message: reason });
    }
    const id = ++this.#lastCall;
    const reply = Promise.withResolvers<unknown>();
    this.#calls.set(id, reply);
    this.#worker.postMessage({ ...call, id });
    return await reply.promise;
  }
}

function configOf(options: CubeSemanticLayerOptions): CubeConfig {
  const { apiScopes, auth, cacheBytesMax, modelFolder, modelPollMs, queriesMax } = options;
  return {
    modelFolder,
    auth,
    apiScopes: apiScopes ?? cubeDefaults.apiScopes,
    cacheBytesMax: cacheBytesMax ?? cubeDefaults.cacheBytesMax,
    queriesMax: queriesMax ?? cubeDefaults.queriesMax,
    modelPollMs: modelPollMs ?? cubeDefaults.modelPollMs,
  };
}
