import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { silentLogger, silentMeter, type Logger, type Meter } from '@millrace/core/base';
import type { TableSchema } from '@millrace/core/contract';
import type { Drift, PlannedModel } from '@millrace/core/models';
import {
  fromErrorMessage,
  QueryClient,
  TableVersions,
  warehouseError,
  type LoadedOffset,
  type LoadPart,
  type LoadReceipt,
  type QueryOptions,
  type SqlResult,
  type Warehouse,
} from '@millrace/core/warehouse';
import { databaseSettings, type DuckdbWarehouseOptions } from './config.ts';
import { FigureReceiver } from './figure-channel.ts';
import { packParts, type Call, type FromThread, type ThreadData, type ToThread } from './protocol.ts';

/** DuckDB as the warehouse: what the main thread sees of the thread that owns the file. */
export interface DuckdbWarehouse extends Warehouse {
  /** A query channel of its own for another thread (`QueryClient` there): transfer it, and close it there. */
  connectPort(): MessagePort;
  /** The versions' memory: `TableVersions.from` in any thread. */
  readonly sharedVersions: SharedArrayBuffer;
  /** How each model runs, and why; empty before the tables are defined, or without a manifest. */
  models(): Promise<readonly PlannedModel[]>;
  /** Calls the listener when a live table was found to differ from its full SQL; it is rebuilt by then. */
  onDrift(listener: (drift: Drift) => void): () => void;
}

export interface OpenOptions extends DuckdbWarehouseOptions {
  readonly meter?: Meter;
  readonly logger?: Logger;
}

/**
 * Opens `<folder>/millrace.duckdb` in a thread of its own, creating both. `WAREHOUSE_FILE_IN_USE`,
 * `WAREHOUSE_ALREADY_OPEN`, `WAREHOUSE_FILE_CORRUPT`, `WAREHOUSE_FILE_TOO_NEW`, `WAREHOUSE_FILE_UNREADABLE`,
 * `WAREHOUSE_MANIFEST_UNREADABLE`, `MODELS_MANIFEST_INVALID`: each names the file.
 */
export async function openDuckdbWarehouse(options: OpenOptions): Promise<DuckdbWarehouse> {
  const folder = await ownFolder(options.folder);
  claim(folder);
  try {
    return await ThreadWarehouse.open({ ...options, folder });
  } catch (error) {
    openFolders.delete(folder);
    throw error;
  }
}

/** Folders whose file this process has open: the engine would open it a second time without a word. */
const openFolders = processWide('millrace.duckdb.folders', () => new Set<string>());

// A second copy of this module in the process must see the same set.
function processWide<Value>(name: string, create: () => Value): Value {
  const holder = globalThis as unknown as Record<symbol, Value | undefined>;
  return (holder[Symbol.for(name)] ??= create());
}

function claim(folder: string): void {
  if (openFolders.has(folder)) {
    const file = join(folder, 'millrace.duckdb');
    throw warehouseError('WAREHOUSE_ALREADY_OPEN', {
      message: `${file} is open in this process.`,
      details: { file },
    });
  }
  openFolders.add(folder);
}

async function ownFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    return await realpath(folder);
  } catch (cause) {
    const message = `The folder ${folder} cannot be made or entered.`;
    throw warehouseError('WAREHOUSE_FILE_UNREADABLE', { message, details: { folder }, cause });
  }
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

class ThreadWarehouse implements DuckdbWarehouse {
  readonly #worker: Worker;
  readonly #folder: string;
  readonly #versions = new TableVersions([]);
  readonly #queries: QueryClient;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(tables: ReadonlySet<string>) => void>();
  readonly #exited: Promise<void>;
  readonly #figures: FigureReceiver;
  readonly #logger: Logger;
  readonly #driftListeners = new Set<(drift: Drift) => void>();
  #lastId = 0;
  /** Why nothing can be asked any more. */
  #ended: Error | undefined;

  private constructor(options: OpenOptions) {
    const data: ThreadData = { settings: databaseSettings(options), versions: this.#versions.share() };
    this.#folder = options.folder;
    this.#figures = new FigureReceiver(options.meter ?? silentMeter);
    this.#logger = options.logger ?? silentLogger;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'warehouse',
      workerData: data,
    });
    this.#queries = new QueryClient(this.connectPort());
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#end(warehouseError('WAREHOUSE_THREAD_DIED'));
        openFolders.delete(this.#folder);
        resolve();
      });
    });
    this.#worker.on('error', (cause) => {
      this.#end(
        warehouseError('WAREHOUSE_THREAD_DIED', {
          message: `The warehouse thread died: ${cause.message}`,
          cause,
        }),
      );
    });
  }

  static async open(options: OpenOptions): Promise<ThreadWarehouse> {
    const warehouse = new ThreadWarehouse(options);
    await warehouse.#untilReady();
    return warehouse;
  }

  get sharedVersions(): SharedArrayBuffer {
    return this.#versions.share();
  }

  connectPort(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage({ type: 'port', port: port1 } satisfies ToThread, [port1]);
    return port2;
  }

  defineTables(tables: readonly TableSchema[]): Promise<void> {
    return this.#call({ method: 'defineTables', tables });
  }

  loadedOffsets(): Promise<readonly LoadedOffset[]> {
    return this.#call({ method: 'loadedOffsets' });
  }

  load(parts: readonly LoadPart[], nowMs: number): Promise<LoadReceipt> {
    const { parts: packed, bytes } = packParts(parts);
    return this.#call({ method: 'load', parts: packed, bytes, nowMs }, [bytes]);
  }

  query(sql: string, options?: QueryOptions): Promise<SqlResult> {
    return this.#queries.query(sql, options);
  }

  versions(): ReadonlyMap<string, number> {
    return this.#versions.all();
  }

  onChange(listener: (tables: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  checkpoint(): Promise<{ readonly durationMs: number }> {
    return this.#call({ method: 'checkpoint' });
  }

  models(): Promise<readonly PlannedModel[]> {
    return this.#call({ method: 'models' });
  }

  onDrift(listener: (drift: Drift) => void): () => void {
    this.#driftListeners.add(listener);
    return () => this.#driftListeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#ended === undefined) {
      const closed = this.#call<void>({ method: 'close' });
      this.#ended = warehouseError('WAREHOUSE_CLOSED');
      await closed;
      this.#queries.close();
    }
    await this.#exited;
  }

  #call<Result>(call: Call, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise<Result>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ type: 'call', id, call } satisfies ToThread, transfer);
    });
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#exited.then(() => reject(this.#ended), reject);
      this.#worker.on('message', (message: FromThread) => {
        if (message.type === 'ready') resolve();
        else this.#receive(message);
      });
    });
  }

  #receive(message: Exclude<FromThread, { type: 'ready' }>): void {
    switch (message.type) {
      case 'failed':
        return this.#end(fromErrorMessage(message.error));
      case 'reply':
        return this.#settle(message);
      case 'changed':
        return this.#announce(message.tables);
      case 'log':
        return this.#logger[message.level](message.message, message.fields);
      case 'drift':
        return this.#driftListeners.forEach((listener) => listener(message.drift));
      case 'instrument':
      case 'figures':
        return this.#figures.receive(message);
    }
  }

  #settle(reply: Extract<FromThread, { type: 'reply' }>): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ('error' in reply) pending?.reject(fromErrorMessage(reply.error));
    else pending?.resolve(reply.result as never);
  }

  #announce(tables: readonly string[]): void {
    if (tables.length === 0) return;
    const changed = new Set(tables);
    for (const listener of this.#listeners) listener(changed);
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
