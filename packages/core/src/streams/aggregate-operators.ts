import type { Counter } from '../base/index.ts';
import type { RecordHeader } from '../log/index.ts';
import type { KeyValueStateStore } from './key-value-store.ts';
import { Operator, UserOperator, type TaskScope, type UpdateHolder } from './operator.ts';
import type { StateEntry } from './state-entry.ts';
import type { StateStore } from './state-store.ts';
import { StreamRecord, type Awaitable, type Pending } from './stream-record.ts';

/** How a group of records becomes one value. */
export interface Aggregation {
  readonly initializer: () => unknown;
  readonly aggregator: (aggregate: unknown, value: unknown, key: unknown) => Awaitable<unknown>;
}

/** How records become their number. */
export const counting: Aggregation = {
  initializer: () => 0,
  aggregator: (count) => (count as number) + 1,
};

/**
 * Writes rows and tells the operator's children, at once or, with a record cache, once per key and commit.
 * Source of the caching rule: KIP-63.
 */
export class RowWriter implements UpdateHolder {
  readonly #operator: Operator;
  readonly #store: StateStore;
  readonly #keyOf: (entry: StateEntry) => unknown;
  #held: StateEntry[] = [];
  #heldHeaders: (readonly RecordHeader[])[] = [];

  constructor(operator: Operator, store: StateStore, keyOf: (entry: StateEntry) => unknown) {
    this.#operator = operator;
    this.#store = store;
    this.#keyOf = keyOf;
  }

  /** Null deletes the row. `cause` is the record behind the change. */
  write(entry: StateEntry, value: unknown, cause: StreamRecord): Pending {
    this.#store.write(entry, value, cause.timestampMs);
    if (this.#operator.children.length === 0) return undefined;
    if (!this.#operator.scope.cachesUpdates) {
      return this.#operator.forward(
        new StreamRecord(this.#keyOf(entry), entry.value, entry.timestampMs, cause.headers),
      );
    }
    if (entry.isHeld) return undefined;
    entry.isHeld = true;
    this.#held.push(entry);
    this.#heldHeaders.push(cause.headers);
    this.#operator.scope.holdUpdates(this);
    return undefined;
  }

  flushUpdates(): Pending {
    const entries = this.#held;
    const headers = this.#heldHeaders;
    this.#held = [];
    this.#heldHeaders = [];
    const records: StreamRecord[] = [];
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      entry.isHeld = false;
      records.push(new StreamRecord(this.#keyOf(entry), entry.value, entry.timestampMs, headers[i]!));
    }
    return this.#operator.forwardAll(records);
  }
}

export interface AggregateOptions extends Aggregation {
  readonly storeName: string;
}

/** KGroupedStream.aggregate and count: records without key or value are left out, as Kafka Streams does. */
export class AggregateOperator extends UserOperator<unknown> {
  readonly #store: KeyValueStateStore;
  readonly #writer: RowWriter;
  readonly #dropped: Counter;
  readonly #options: AggregateOptions;

  constructor(name: string, scope: TaskScope, options: AggregateOptions) {
    super(name, scope);
    this.#options = options;
    this.#store = scope.store(options.storeName);
    this.#writer = new RowWriter(this, this.#store, (entry) => entry.key);
    this.#dropped = scope.droppedCounter(name, 'null_key_or_value');
  }

  override process(record: StreamRecord): Pending {
    if (record.key !== null && record.value !== null) return super.process(record);
    this.#dropped.add(1);
    return undefined;
  }

  protected call(record: StreamRecord): Awaitable<unknown> {
    const aggregate = this.#store.get(record.key) ?? this.#options.initializer();
    return this.#options.aggregator(aggregate, record.value, record.key);
  }

  protected proceed(record: StreamRecord, aggregate: unknown): Pending {
    const entry = this.#store.entry(record.key);
    return this.#writer.write(entry, aggregate, latest(record, entry));
  }
}

export interface ReduceOptions {
  readonly storeName: string;
  readonly reducer: (aggregate: unknown, value: unknown) => Awaitable<unknown>;
}

/** KGroupedStream.reduce: the first value of a key is its first aggregate. */
export class ReduceOperator extends UserOperator<unknown> {
  readonly #store: KeyValueStateStore;
  readonly #writer: RowWriter;
  readonly #dropped: Counter;
  readonly #reducer: ReduceOptions['reducer'];

  constructor(name: string, scope: TaskScope, options: ReduceOptions) {
    super(name, scope);
    this.#reducer = options.reducer;
    this.#store = scope.store(options.storeName);
    this.#writer = new RowWriter(this, this.#store, (entry) => entry.key);
    this.#dropped = scope.droppedCounter(name, 'null_key_or_value');
  }

  override process(record: StreamRecord): Pending {
    if (record.key !== null && record.value !== null) return super.process(record);
    this.#dropped.add(1);
    return undefined;
  }

  protected call(record: StreamRecord): Awaitable<unknown> {
    const aggregate = this.#store.get(record.key);
    return aggregate === null ? record.value : this.#reducer(aggregate, record.value);
  }

  protected proceed(record: StreamRecord, aggregate: unknown): Pending {
    const entry = this.#store.entry(record.key);
    return this.#writer.write(entry, aggregate, latest(record, entry));
  }
}

/** builder.table: the last value of each key; null deletes it. */
export class TableSourceOperator extends Operator {
  readonly #store: KeyValueStateStore;
  readonly #writer: RowWriter;
  readonly #dropped: Counter;

  constructor(name: string, scope: TaskScope, storeName: string) {
    super(name, scope);
    this.#store = scope.store(storeName);
    this.#writer = new RowWriter(this, this.#store, (entry) => entry.key);
    this.#dropped = scope.droppedCounter(name, 'null_key');
  }

  process(record: StreamRecord): Pending {
    if (record.key === null) {
      this.#dropped.add(1);
      return undefined;
    }
    return this.#writer.write(this.#store.entry(record.key), record.value, record);
  }
}

/** A row carries the latest time of the records that made it. */
function latest(record: StreamRecord, entry: StateEntry): StreamRecord {
  if (entry.value === null || record.timestampMs >= entry.timestampMs) return record;
  return new StreamRecord(record.key, record.value, entry.timestampMs, record.headers);
}
