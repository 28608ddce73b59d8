import { isMillraceError, messageOf, type Clock, type Meter } from '@millrace/core/base';
import type { TableSchema } from '@millrace/core/contract';
import {
  Loader,
  warehouseError,
  type LoadedOffset,
  type LoadPart,
  type LoadReceipt,
  type ModelRefresher,
  type QueryOptions,
  type SqlResult,
  type TableVersions,
} from '@millrace/core/warehouse';
import { Checkpointer, type CheckpointReport } from './checkpointer.ts';
import type { DatabaseSettings } from './config.ts';
import { Database } from './database.ts';
import { needsReopening } from './errors.ts';
import { QueryPool } from './query-pool.ts';
import { DuckdbSession } from './session.ts';

/** The refresher's slower work gets its turn at least so often, also while loads follow one another. */
const UPKEEP_EVERY_MS = 500;
/** Without a load for so long, what is in the write-ahead log is written back. */
const QUIET_MS = 2000;

export interface WarehouseThreadOptions {
  readonly settings: DatabaseSettings;
  readonly versions: TableVersions;
  readonly clock: Clock;
  readonly meter: Meter;
  /** A new one for each time that the file is opened. */
  readonly createRefresher: () => Promise<ModelRefresher | undefined>;
  readonly onChange: (tables: readonly string[]) => void;
}

interface Opened {
  readonly database: Database;
  readonly loader: Loader;
  readonly pool: QueryPool;
  readonly checkpointer: Checkpointer;
}

/**
 * What the thread does that owns the file. Everything that writes stands in one queue; queries run beside it.
 * When the engine gives up its state (a full disk can make it do so), the file is opened again before the
 * next piece of work.
 */
export class WarehouseThread {
  readonly #options: WarehouseThreadOptions;
  readonly #tables = new Map<string, TableSchema>();
  #opened: Promise<Opened> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #loadedAtMs: number;
  #upkeepAtMs: number;
  #cancelUpkeep = () => {};
  #isClosed = false;

  private constructor(options: WarehouseThreadOptions) {
    this.#options = options;
    this.#loadedAtMs = options.clock.monotonicMs();
    this.#upkeepAtMs = this.#loadedAtMs;
  }

  /** Opens the file; see `Database.open` for the errors. */
  static async open(options: WarehouseThreadOptions): Promise<WarehouseThread> {
    const thread = new WarehouseThread(options);
    thread.#opened = thread.#open();
    await thread.#opened;
    thread.#scheduleUpkeep();
    return thread;
  }

  defineTables(tables: readonly TableSchema[]): Promise<void> {
    return this.#enqueue(async ({ loader }) => {
      await loader.defineTables(tables);
      for (const table of tables) this.#tables.set(table.topic, table);
    });
  }

  loadedOffsets(): Promise<readonly LoadedOffset[]> {
    return this.#enqueue(({ loader }) => loader.loadedOffsets());
  }

  async load(parts: readonly LoadPart[], nowMs: number): Promise<LoadReceipt> {
    const receipt = await this.#enqueue(({ loader }) => loader.load(parts, nowMs));
    this.#loadedAtMs = this.#options.clock.monotonicMs();
    this.#options.onChange(receipt.changedTables);
    // Behind the receipt, so that nobody waits for it but the next load.
    this.#inBackground(async ({ checkpointer }) => {
      await checkpointer.afterLoad();
    });
    if (this.#loadedAtMs - this.#upkeepAtMs >= UPKEEP_EVERY_MS) this.#upkeep();
    return receipt;
  }

  async query(sql: string, options: QueryOptions): Promise<SqlResult> {
    const opened = this.#current();
    const { pool } = await opened;
    try {
      return await pool.query(sql, options);
    } catch (error) {
      if (needsReopening(error)) await this.#abandon(opened);
      throw error;
    }
  }

  checkpoint(): Promise<CheckpointReport> {
    return this.#enqueue(({ checkpointer }) => checkpointer.run());
  }

  /** Finishes what is queued, interrupts queries and releases the file. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelUpkeep();
    await this.#tail.catch(() => {});
    const opened = this.#opened;
    if (opened !== undefined) await this.#abandon(opened);
  }

  #enqueue<Result>(work: (opened: Opened) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) return Promise.reject(warehouseError('WAREHOUSE_CLOSED'));
    this.#queued++;
    const result = this.#tail.then(() => this.#run(work));
    this.#tail = result.catch(() => {}).finally(() => this.#queued--);
    return result;
  }

  async #run<Result>(work: (opened: Opened) => Promise<Result>): Promise<Result> {
    const opened = this.#current();
    try {
      return await work(await opened);
    } catch (error) {
      if (needsReopening(error)) await this.#abandon(opened);
      throw error;
    }
  }

  /** Work that nobody waits for; its failures come up again with the next load. */
  #inBackground(work: (opened: Opened) => Promise<void>): void {
    this.#enqueue(work).catch(() => {});
  }

  #upkeep(): void {
    this.#upkeepAtMs = this.#options.clock.monotonicMs();
    this.#inBackground(async ({ loader, checkpointer }) => {
      const report = await loader.idle(this.#options.clock.nowMs());
      if (report !== undefined) this.#options.onChange(report.changedTables);
      const isQuiet = this.#options.clock.monotonicMs() - this.#loadedAtMs >= QUIET_MS;
      if (report === undefined && isQuiet && this.#queued === 1) await checkpointer.whenIdle();
    });
  }

  #scheduleUpkeep(): void {
    const tick = () => {
      if (this.#queued === 0) this.#upkeep();
      this.#cancelUpkeep = this.#options.clock.schedule(tick, UPKEEP_EVERY_MS);
    };
    this.#cancelUpkeep = this.#options.clock.schedule(tick, UPKEEP_EVERY_MS);
  }

  #current(): Promise<Opened> {
    if (this.#isClosed && this.#opened === undefined)
      return Promise.reject(warehouseError('WAREHOUSE_CLOSED'));
    this.#opened ??= this.#reopen();
    return this.#opened;
  }

  /**
   * What made the engine give up may still hold: then the file is tried again with the next piece of work.
   */
  async #reopen(): Promise<Opened> {
    try {
      const opened = await this.#open();
      await opened.loader.defineTables([...this.#tables.values()]);
      return opened;
    } catch (cause) {
      this.#opened = undefined;
      if (isMillraceError(cause) && cause.kind === 'transient') throw cause;
      const message = `The database could not be opened again: ${messageOf(cause)}`;
      throw warehouseError('WAREHOUSE_INVALIDATED', { message, cause });
    }
  }

  async #open(): Promise<Opened> {
    const { settings, versions, clock, meter, createRefresher } = this.#options;
    const database = await Database.open(settings);
    try {
      const session = new DuckdbSession(await database.connect(), settings.file);
      const refresher = await createRefresher();
      const loader = await Loader.open({ session, versions, clock, refresher });
      const pool = new QueryPool({ database, connectionsMax: settings.queriesMax, clock, meter });
      const { file, walBytesMax } = settings;
      const checkpointer = new Checkpointer({ session, file, walBytesMax, clock, meter });
      return { database, loader, pool, checkpointer };
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Lets go of the file, once; the next piece of work opens it again. */
  async #abandon(opened: Promise<Opened>): Promise<void> {
    if (this.#opened !== opened) return;
    this.#opened = undefined;
    const { database, pool } = await opened;
    await pool.close();
    database.close();
  }
}
