import { isMillraceError, sleep, type MillraceError } from '../base/index.ts';
import type { Clock, Counter, Gauge, Histogram, Logger, Meter, Random } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import { LoadCursor, type Collected } from './load-cursor.ts';
import type { LoadedOffset, LoadReceipt, Warehouse } from './port.ts';

export interface LoaderPumpOptions {
  readonly log: EventLog;
  readonly warehouse: Warehouse;
  /** Topics whose raw tables are defined. Their partitions may grow. */
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: Meter;
  readonly logger: Logger;
  /** From the start of one load to the start of the next, at least. Default 50. */
  readonly intervalMs?: number;
  /** Encoded batches of one load. Default 4 MiB. */
  readonly bytesMax?: number;
  /**
   * When nothing arrives for so long, `as_of` moves on by itself, so that held-back events fall due. Default
   * 5,000.
   */
  readonly quietMs?: number;
  /** How long `close` goes on loading what the log holds. Default 1,000. */
  readonly drainMs?: number;
}

export type PumpState =
  | { readonly status: 'running' }
  /** The last load failed and is tried again; nothing is lost, the log keeps what waits. */
  | { readonly status: 'retrying'; readonly error: MillraceError; readonly attempts: number }
  /** Loading has stopped until a restart. */
  | { readonly status: 'failed'; readonly error: MillraceError }
  | { readonly status: 'closed' };

/** `storedRecords = rows + rejectedRows + expiredRecords + lagRecords` whenever no load is under way. */
export interface LoadIdentity {
  /** Records that the loaded topics ever held. */
  readonly storedRecords: number;
  readonly rows: number;
  readonly rejectedRows: number;
  readonly expiredRecords: number;
  readonly lagRecords: number;
}

const INTERVAL_MS_DEFAULT = 50;
const BYTES_MAX_DEFAULT = 4 * 1024 * 1024;
const QUIET_MS_DEFAULT = 5_000;
const DRAIN_MS_DEFAULT = 1_000;
/** After a load the next one waits half as long as it took, so that loading leaves room for queries … */
const REST_RATIO = 0.5;
/** … but no longer than this. */
const REST_MS_MAX = 100;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 10_000;

/**
 * Carries records from the log to the warehouse. A load starts when there are records and the previous one
 * ended; while there is a backlog, without a pause. Where loading stands is the warehouse's knowledge alone:
 * after each failure it is asked again.
 */
export class LoaderPump {
  readonly #options: LoaderPumpOptions;
  readonly #cursor: LoadCursor;
  readonly #figures: PumpFigures;
  readonly #loadedListeners = new Set<(receipt: LoadReceipt) => void>();
  readonly #stateListeners = new Set<(state: PumpState) => void>();
  readonly #stopping = new AbortController();
  #state: PumpState = { status: 'running' };
  #offsets = new Map<string, LoadedOffset>();
  #drainUntilMs = 0;
  #wake = () => {};
  #running: Promise<void> = Promise.resolve();

  private constructor(options: LoaderPumpOptions) {
    this.#options = options;
    this.#cursor = new LoadCursor(options.log, options.topics);
    this.#figures = new PumpFigures(options.meter);
  }

  /** Begins where the warehouse stands. `WAREHOUSE_AHEAD_OF_LOG` when it does not belong to this log. */
  static async start(options: LoaderPumpOptions): Promise<LoaderPump> {
    const pump = new LoaderPump(options);
    await pump.#resume();
    pump.#running = pump.#run();
    return pump;
  }

  get state(): PumpState {
    return this.#state;
  }

  onStateChange(listener: (state: PumpState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Calls the listener after each load that is committed and visible. Returns the cancellation. */
  onLoaded(listener: (receipt: LoadReceipt) => void): () => void {
    this.#loadedListeners.add(listener);
    return () => this.#loadedListeners.delete(listener);
  }

  identity(): LoadIdentity {
    const sum = { rows: 0, rejectedRows: 0, expiredRecords: 0 };
    for (const offset of this.#offsets.values()) {
      sum.rows += offset.rows;
      sum.rejectedRows += offset.rejectedRows;
      sum.expiredRecords += offset.expiredRecords;
    }
    return { storedRecords: this.#cursor.storedRecords(), ...sum, lagRecords: this.#cursor.lagRecords() };
  }

  /** Loads what the log holds, for `drainMs` at most, and stops; the rest waits for the next start. */
  async close(): Promise<void> {
    const { clock, drainMs = DRAIN_MS_DEFAULT } = this.#options;
    this.#drainUntilMs = clock.monotonicMs() + drainMs;
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    if (this.#state.status !== 'failed') this.#enter({ status: 'closed' });
  }

  async #run(): Promise<void> {
    const { clock, log, intervalMs = INTERVAL_MS_DEFAULT } = this.#options;
    const { signal } = this.#stopping;
    const cancel = log.onCommit(() => {
      this.#wake();
    });
    try {
      for (;;) {
        await this.#untilDue();
        if (signal.aborted && this.#isDrained()) return;
        const startedMs = clock.monotonicMs();
        const outcome = await this.#loadOnce();
        if (this.#state.status === 'failed') return;
        if (outcome !== 'caught up') continue;
        const durationMs = clock.monotonicMs() - startedMs;
        const restMs = Math.max(intervalMs - durationMs, Math.min(REST_MS_MAX, durationMs * REST_RATIO));
        await sleep(clock, restMs, signal);
      }
    } finally {
      cancel();
    }
  }

  #isDrained(): boolean {
    if (this.#state.status !== 'running' || this.#cursor.lagRecords() === 0) return true;
    return this.#options.clock.monotonicMs() >= this.#drainUntilMs;
  }

  /** One load with its outcome recorded; after a failure also the wait that it asks for. */
  async #loadOnce(): Promise<'caught up' | 'backlogged' | 'failed'> {
    const { warehouse, clock, bytesMax = BYTES_MAX_DEFAULT } = this.#options;
    try {
      if (this.#state.status === 'retrying') await this.#resume();
      const nowMs = clock.nowMs();
      const collected = await this.#cursor.collect(bytesMax, nowMs);
      const startedMs = clock.monotonicMs();
      const receipt = await warehouse.load(collected.parts, collected.completeToMs);
      this.#record(receipt, collected, clock.monotonicMs() - startedMs);
      return collected.isBacklogged ? 'backlogged' : 'caught up';
    } catch (error) {
      await this.#fail(error);
      return 'failed';
    }
  }

  #record(receipt: LoadReceipt, collected: Collected, durationMs: number): void {
    this.#cursor.advance(receipt.loaded);
    for (const offset of receipt.loaded) this.#offsets.set(`${offset.partition} ${offset.topic}`, offset);
    this.#figures.loaded(receipt, { durationMs, lagRecords: this.#cursor.lagRecords() });
    if (this.#state.status === 'retrying') {
      this.#options.logger.info('loading goes on', { attempts: this.#state.attempts });
      this.#enter({ status: 'running' });
    }
    if (receipt.rejectedRows > 0) {
      const fields = {
        rejectedRows: receipt.rejectedRows,
        topics: collected.parts.map(({ topic }) => topic),
      };
      this.#options.logger.warn('records do not fit their columns; see meta.rejected_rows', fields);
    }
    for (const listener of this.#loadedListeners) listener(receipt);
  }

  /**
   * Waits after a failure that may pass; enters `failed` otherwise. What is no `MillraceError` is a bug and
   * goes up.
   */
  async #fail(error: unknown): Promise<void> {
    if (!isMillraceError(error)) throw error;
    const { clock, random, logger } = this.#options;
    this.#figures.failures.add(1);
    const fields = { code: error.code, message: error.message, remedy: error.remedy };
    if (error.kind !== 'transient') {
      if (error.kind !== 'aborted') logger.error('loading has stopped', fields);
      this.#enter({ status: 'failed', error });
      return;
    }
    const attempts = this.#state.status === 'retrying' ? this.#state.attempts + 1 : 1;
    if (attempts === 1) logger.warn('a load failed and is tried again', fields);
    this.#enter({ status: 'retrying', error, attempts });
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempts - 1, 10));
    const waitMs = error.retryAfterMs ?? backoffMs * (0.5 + random.next() / 2);
    await sleep(clock, waitMs, this.#stopping.signal);
  }

  async #resume(): Promise<void> {
    const loaded = await this.#options.warehouse.loadedOffsets();
    this.#cursor.resume(loaded);
    for (const offset of loaded) {
      if (!this.#options.topics.includes(offset.topic)) continue;
      this.#offsets.set(`${offset.partition} ${offset.topic}`, offset);
    }
  }

  /** Resolves when there is something to load, when it was quiet for long, or when the pump is closed. */
  #untilDue(): Promise<void> {
    const { clock, quietMs = QUIET_MS_DEFAULT } = this.#options;
    if (this.#state.status === 'retrying' || this.#cursor.lagRecords() > 0) return Promise.resolve();
    if (this.#stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        this.#wake = () => {};
        resolve();
      };
      const cancel = clock.schedule(wake, quietMs);
      this.#wake = () => {
        if (this.#stopping.signal.aborted || this.#cursor.lagRecords() > 0) wake();
      };
    });
  }

  #enter(state: PumpState): void {
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}

class PumpFigures {
  readonly failures: Counter;
  readonly #rows: Counter;
  readonly #rejectedRows: Counter;
  readonly #lagRecords: Gauge;
  readonly #durationMs: Histogram;
  readonly #refreshMs: Histogram;

  constructor(meter: Meter) {
    this.failures = meter.counter('warehouse_load_failures_total', 'Loads that failed and were rolled back');
    this.#rows = meter.counter('warehouse_loaded_rows_total', 'Rows loaded into raw tables');
    this.#rejectedRows = meter.counter('warehouse_rejected_rows_total', 'Records that fit no row');
    this.#lagRecords = meter.gauge('warehouse_lag_records', 'Records in the log that are not loaded');
    this.#durationMs = meter.histogram(
      'warehouse_load_duration_ms',
      'One load, from the call to the receipt',
    );
    this.#refreshMs = meter.histogram('warehouse_refresh_duration_ms', 'Models refreshed within one load');
  }

  loaded(receipt: LoadReceipt, { durationMs, lagRecords }: { durationMs: number; lagRecords: number }): void {
    this.#rows.add(receipt.rows);
    this.#rejectedRows.add(receipt.rejectedRows);
    this.#lagRecords.set(lagRecords);
    this.#durationMs.observe(durationMs);
    this.#refreshMs.observe(receipt.timings.refreshMs);
  }
}
