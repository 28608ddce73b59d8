import { assert, BugError, isMillraceError, messageOf, type Clock } from '../base/index.ts';
import type { TableSchema } from '../contract/index.ts';
import type { AppendSession } from './append-session.ts';
import { warehouseError } from './errors.ts';
import { Load } from './load.ts';
import { LoaderState } from './loader-state.ts';
import type { LoadedOffset, LoadPart, LoadReceipt } from './port.ts';
import { defineRawTable, type RawTable } from './raw-table.ts';
import type { ModelRefresher, RefreshReport } from './session.ts';
import type { TableVersions } from './table-versions.ts';

export interface LoaderOptions {
  /** The one session that writes; nothing else may use it. */
  readonly session: AppendSession;
  readonly versions: TableVersions;
  readonly clock: Clock;
  /** Absent: raw tables only. */
  readonly refresher?: ModelRefresher | undefined;
}

const nothingRefreshed: RefreshReport = { changedTables: [], modelsMs: {} };

/**
 * Loads record batches exactly once, inside the thread that owns the data. One transaction holds the rows,
 * the models that follow from them, the loaded offsets and `as_of`; what is in the database afterwards says
 * alone where loading goes on. Not to be called twice at a time: the owner's queue sees to that.
 */
export class Loader {
  readonly #session: AppendSession;
  readonly #versions: TableVersions;
  readonly #clock: Clock;
  readonly #refresher: ModelRefresher | undefined;
  readonly #tables = new Map<string, RawTable>();
  #state: LoaderState;
  #isPrepared = false;
  /** A commit failed: whether it took hold is known to the database only. */
  #isStateUncertain = false;

  private constructor(options: LoaderOptions, state: LoaderState) {
    this.#session = options.session;
    this.#versions = options.versions;
    this.#clock = options.clock;
    this.#refresher = options.refresher;
    this.#state = state;
  }

  /** Creates the loader's own schemas and tables where they are missing. */
  static async open(options: LoaderOptions): Promise<Loader> {
    options.versions.add('raw.as_of');
    return new Loader(options, await LoaderState.open(options.session));
  }

  /** See `Warehouse.defineTables`. The refresher is prepared when the tables are new to it. */
  async defineTables(schemas: readonly TableSchema[]): Promise<void> {
    const defined = await this.#inTransaction(async () => {
      const tables: { table: RawTable; isChanged: boolean }[] = [];
      for (const schema of schemas) {
        const definition = await defineRawTable(this.#session, schema);
        await this.#session.run(definition.table.emptyNewRows);
        tables.push(definition);
      }
      return tables;
    });
    for (const { table, isChanged } of defined.result) {
      this.#tables.set(table.schema.topic, table);
      this.#versions.add(table.relation);
      if (isChanged) this.#isPrepared = false;
    }
    await this.#prepare();
  }

  async loadedOffsets(): Promise<readonly LoadedOffset[]> {
    await this.#settleState();
    return this.#state.offsets();
  }

  /** See `Warehouse.load`. */
  async load(parts: readonly LoadPart[], nowMs: number): Promise<LoadReceipt> {
    assert(Number.isSafeInteger(nowMs), 'as_of must be a whole number of milliseconds');
    await this.#settleState();
    await this.#prepare();
    const state = this.#state;
    const asOfMs = Math.max(nowMs, state.asOfMs ?? nowMs);
    const load = new Load({ session: this.#session, tables: this.#tables, state, clock: this.#clock });
    const work = () => this.#fill(load, parts, asOfMs);
    const { result, commitMs } = await this.#inTransaction(work, () => {
      load.abandon();
    });
    this.#state = state.after(load.moved(), asOfMs);
    const { changedTables, refreshMs, modelsMs } = result;
    this.#raise(changedTables);
    const { decodeMs, appendMs } = load;
    return {
      ...load.receipt(),
      asOfMs,
      changedTables,
      timings: { decodeMs, appendMs, refreshMs, commitMs, modelsMs },
    };
  }

  /** One bounded piece of the refresher's slower work; undefined when nothing was due. */
  async idle(nowMs: number): Promise<RefreshReport | undefined> {
    if (this.#refresher === undefined || !this.#isPrepared) return undefined;
    const report = await this.#refresher.idle(this.#session, nowMs);
    if (report !== undefined) this.#raise(report.changedTables);
    return report;
  }

  /** Everything of a load that its transaction holds. */
  async #fill(
    load: Load,
    parts: readonly LoadPart[],
    asOfMs: number,
  ): Promise<{ changedTables: string[]; refreshMs: number; modelsMs: RefreshReport['modelsMs'] }> {
    for (const part of parts) await load.take(part);
    const changes = await load.finish();
    await this.#state.write(this.#session, { moved: load.moved(), asOfMs, rejected: load.rejected });
    const startedMs = this.#clock.monotonicMs();
    const { changedTables, modelsMs } = await this.#refresh(changes);
    const refreshMs = this.#clock.monotonicMs() - startedMs;
    const changed = new Set([...changes.map(({ table }) => `raw.${table}`), ...changedTables]);
    if (asOfMs !== this.#state.asOfMs) changed.add('raw.as_of');
    return { changedTables: [...changed], refreshMs, modelsMs };
  }

  async #inTransaction<Result>(
    work: () => Promise<Result>,
    abandon = () => {},
  ): Promise<{ result: Result; commitMs: number }> {
    await this.#session.run('begin transaction');
    try {
      const result = await work();
      const startedMs = this.#clock.monotonicMs();
      this.#isStateUncertain = true;
      await this.#session.run('commit');
      this.#isStateUncertain = false;
      return { result, commitMs: this.#clock.monotonicMs() - startedMs };
    } catch (error) {
      await this.#rollBack(abandon);
      throw error;
    }
  }

  // The first error is the one to report: those of cleaning up after it follow from it.
  async #rollBack(abandon: () => void): Promise<void> {
    try {
      abandon();
    } catch {
      // The appender reports what it could not write, which goes away with the transaction.
    }
    try {
      await this.#session.run('rollback');
    } catch {
      // Nothing is open any more, or the database is invalidated; the next load finds out which.
      this.#isStateUncertain = true;
    }
  }

  async #refresh(changes: Parameters<ModelRefresher['refresh']>[1]): Promise<RefreshReport> {
    if (this.#refresher === undefined) return nothingRefreshed;
    try {
      return await this.#refresher.refresh(this.#session, changes);
    } catch (cause) {
      throw refreshFailure(cause);
    }
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await this.#refresher?.prepare(this.#session);
    this.#isPrepared = true;
  }

  async #settleState(): Promise<void> {
    if (!this.#isStateUncertain) return;
    this.#state = await LoaderState.read(this.#session);
    this.#isStateUncertain = false;
  }

  #raise(tables: readonly string[]): void {
    for (const table of tables) this.#versions.bump(table);
  }
}

/** A model that fails is not a reason to stop for good; a full disk or our own bug keeps its own name. */
function refreshFailure(cause: unknown): unknown {
  if (cause instanceof BugError) return cause;
  if (isMillraceError(cause) && (cause.kind === 'transient' || cause.kind === 'aborted')) return cause;
  const message = `A model could not be refreshed: ${messageOf(cause)}`;
  const details = isMillraceError(cause) ? cause.details : {};
  return warehouseError('WAREHOUSE_REFRESH_FAILED', { message, details, cause });
}
