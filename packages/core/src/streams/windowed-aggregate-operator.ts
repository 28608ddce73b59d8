import type { Counter } from '../base/index.ts';
import { RowWriter, type Aggregation } from './aggregate-operators.ts';
import { Operator, type TaskScope } from './operator.ts';
import type { StateEntry } from './state-entry.ts';
import { isThenable, StreamRecord, type Pending } from './stream-record.ts';
import type { WindowStateStore } from './window-store.ts';
import { firstWindowStartMs, Windowed, type TimeWindows } from './windows.ts';

export interface WindowedAggregateOptions extends Aggregation {
  readonly storeName: string;
  readonly windows: TimeWindows;
}

/**
 * TimeWindowedKStream.aggregate and count. A window takes a record while stream time, the highest event time
 * that this operator has seen in its task, is below the window's end plus grace. A record may be late for one
 * hopping window and not for the next.
 */
export class WindowedAggregateOperator extends Operator {
  readonly #store: WindowStateStore;
  readonly #writer: RowWriter;
  readonly #options: WindowedAggregateOptions;
  readonly #sizeMs: number;
  readonly #advanceMs: number;
  readonly #graceMs: number;
  readonly #late: Counter;
  readonly #withoutKey: Counter;

  constructor(name: string, scope: TaskScope, options: WindowedAggregateOptions) {
    super(name, scope);
    this.#options = options;
    this.#sizeMs = options.windows.sizeMs;
    this.#advanceMs = options.windows.advanceMs ?? options.windows.sizeMs;
    this.#graceMs = options.windows.graceMs;
    this.#store = scope.store(options.storeName);
    const sizeMs = this.#sizeMs;
    const keyOf = (entry: StateEntry) =>
      new Windowed(entry.key, entry.windowStartMs, entry.windowStartMs + sizeMs);
    this.#writer = new RowWriter(this, this.#store, keyOf);
    this.#late = scope.droppedCounter(name, 'late');
    this.#withoutKey = scope.droppedCounter(name, 'null_key');
  }

  process(record: StreamRecord): Pending {
    if (record.key === null) {
      this.#withoutKey.add(1);
      return undefined;
    }
    const { timestampMs } = record;
    if (timestampMs > this.#store.streamTimeMs) this.#store.streamTimeMs = timestampMs;
    const closeMs = this.#store.streamTimeMs - this.#graceMs;
    let startMs = firstWindowStartMs(timestampMs, this.#sizeMs, this.#advanceMs);
    for (; startMs <= timestampMs; startMs += this.#advanceMs) {
      if (startMs + this.#sizeMs <= closeMs) {
        this.#late.add(1);
        continue;
      }
      const pending = this.#update(record, startMs);
      if (pending !== undefined) return this.#updateFrom(record, startMs + this.#advanceMs, pending);
    }
    return undefined;
  }

  /** The windows after one that had to be waited for; none of them can be late when that one was not. */
  async #updateFrom(record: StreamRecord, firstMs: number, pending: Promise<void>): Promise<void> {
    await pending;
    for (let startMs = firstMs; startMs <= record.timestampMs; startMs += this.#advanceMs) {
      await this.#update(record, startMs);
    }
  }

  #update(record: StreamRecord, startMs: number): Pending {
    let aggregate: unknown;
    let entry: StateEntry;
    try {
      entry = this.#store.entry(record.key, startMs);
      const before = entry.value ?? this.#options.initializer();
      aggregate = this.#options.aggregator(before, record.value, record.key);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return undefined;
    }
    return isThenable(aggregate)
      ? this.#writeLater(record, startMs, aggregate)
      : this.#write(record, entry, aggregate);
  }

  #write(record: StreamRecord, entry: StateEntry, aggregate: unknown): Pending {
    const isLatest = entry.value === null || record.timestampMs >= entry.timestampMs;
    const cause = isLatest
      ? record
      : new StreamRecord(record.key, record.value, entry.timestampMs, record.headers);
    return this.#writer.write(entry, aggregate, cause);
  }

  async #writeLater(record: StreamRecord, startMs: number, later: PromiseLike<unknown>): Promise<void> {
    let aggregate: unknown;
    try {
      aggregate = await later;
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return;
    }
    await this.#write(record, this.#store.entry(record.key, startMs), aggregate);
  }
}
