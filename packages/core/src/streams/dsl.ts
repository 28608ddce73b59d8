import type { EventContract, EventOf } from '../contract/index.ts';
import type { FixedKeyProcessorSupplier, ProcessorSupplier, StoreHandle } from './processor.ts';
import type { Serde } from './serde.ts';
import type { TimestampExtractor } from './source-operators.ts';
import type { RecordFunction } from './stateless-operators.ts';
import type { Awaitable } from './stream-record.ts';
import type { JoinWindows } from './join-windows.ts';
import type { SessionWindows, TimeWindows, Windowed } from './windows.ts';

/**
 * Every operator can be named. Names of stateful ones name topics: with a name, state survives a changed
 * topology.
 */
export interface Named {
  readonly name?: string;
}

export interface KeyValueSerdes<K, V> {
  /** Default `Serdes.string`, or what the stream was read with. */
  readonly keySerde?: Serde<K>;
  /** Default `Serdes.json()`, or what the stream was read with. */
  readonly valueSerde?: Serde<V>;
}

/** Kafka Streams' Consumed. */
export interface ConsumedOptions<K, V> extends Named, KeyValueSerdes<K, V> {
  /** Default: the `event_time` header that `to` writes, else the time of the append. */
  readonly timestampExtractor?: TimestampExtractor<K, V>;
}

/** Kafka Streams' Grouped. The name also names the repartition topic: `<application>-<name>-repartition`. */
export type GroupedOptions<K, V> = Named & KeyValueSerdes<K, V>;

/** Kafka Streams' Materialized. */
export interface MaterializedOptions<K, V> extends Named, KeyValueSerdes<K, V> {
  /** Name of the state store; makes it queryable. Its changelog is `<application>-<store>-changelog`. */
  readonly store?: string;
}

export interface WindowedMaterializedOptions<K, V> extends MaterializedOptions<K, V> {
  /** How long a window can be queried, from its start, in stream time. Default and least: size + grace. */
  readonly retentionMs?: number;
}

/** Kafka Streams' Joined. The serdes are used where the stream has to be repartitioned first. */
export type JoinedOptions<K, V> = Named & KeyValueSerdes<K, V>;

/** Kafka Streams' StreamJoined and JoinWindows. The serdes are the left stream's. */
export interface StreamJoinedOptions<K, V, VO> extends Named, KeyValueSerdes<K, V> {
  readonly windows: JoinWindows;
  /** Default `Serdes.json()`, or what the other stream was read with. */
  readonly otherValueSerde?: Serde<VO>;
}

/** Predicates by the name of their branch, asked in the order in which they are written. */
export type Branches<K, V> = Readonly<Record<string, RecordFunction<K, V, boolean>>>;

/** What a predicate lets pass: the guarded type, or all of `V`. */
type NarrowedBy<Predicate, V> = Predicate extends ((value: V, ...rest: never[]) => value is infer W extends V)
  ? W
  : V;

/** A stream for each branch, narrowed where its predicate is a type guard. */
export type SplitStreams<K, V, B extends Branches<K, V>> = {
  readonly [Name in keyof B]: KStream<K, NarrowedBy<B[Name], V>>;
} & { readonly default: KStream<K, V> };

/** Kafka Streams' Suppressed: until when updates are held. */
export type SuppressedOptions = Named &
  (
    | {
        /** One result for each window, once no record can change it any more. Deletions are left out. */
        readonly until: 'window-closes';
      }
    | {
        readonly until: 'time-limit';
        /** The last update of a key is sent this long after the first one held, in stream time. */
        readonly timeLimitMs: number;
        /** Keys held at most; beyond it the earliest go before their time. Default: no limit. */
        readonly bufferRecordsMax?: number;
      }
  );

/** Kafka Streams' Produced. */
export type ProducedOptions<K, V> = Named & KeyValueSerdes<K, V>;

/** Kafka Streams' Repartitioned. */
export interface RepartitionedOptions<K, V> extends Named, KeyValueSerdes<K, V> {
  /** Default: as many as the topics that the stream comes from. */
  readonly partitions?: number;
}

export interface ProcessOptions extends Named {
  /** Stores that the processor opens. */
  readonly stores?: readonly { readonly name: string }[];
}

type KeyOf<K> = NonNullable<K>;

/**
 * A stream of records: each one a fact of its own. User functions get the value first, then the key, and may
 * be asynchronous: the task's next record then waits. A function that throws sends its record to
 * `dead_letters`, or stops the topology, as the topology's `onError` says. Values are shared: make new ones,
 * never change them.
 */
export interface KStream<K, V> {
  /** Keeps the records for which the predicate is true. */
  filter<W extends V>(predicate: (value: V, key: K) => value is W, options?: Named): KStream<K, W>;
  filter(predicate: RecordFunction<K, V, boolean>, options?: Named): KStream<K, V>;
  /** Keeps the records for which the predicate is false. */
  filterNot(predicate: RecordFunction<K, V, boolean>, options?: Named): KStream<K, V>;
  /** A new key and value for each record. A grouping or join after it repartitions. */
  map<K2, V2>(mapper: RecordFunction<K, V, readonly [key: K2, value: V2]>, options?: Named): KStream<K2, V2>;
  mapValues<V2>(mapper: RecordFunction<K, V, V2>, options?: Named): KStream<K, V2>;
  /** Any number of records for each one, with new keys. A grouping or join after it repartitions. */
  flatMap<K2, V2>(
    mapper: RecordFunction<K, V, Iterable<readonly [key: K2, value: V2]>>,
    options?: Named,
  ): KStream<K2, V2>;
  flatMapValues<V2>(mapper: RecordFunction<K, V, Iterable<V2>>, options?: Named): KStream<K, V2>;
  /** A new key for each record. A grouping or join after it repartitions. */
  selectKey<K2>(mapper: RecordFunction<K, V, K2>, options?: Named): KStream<K2, V>;
  /**
   * Looks at each record and passes it on. It is called again for records that are processed again after a
   * crash.
   */
  peek(action: RecordFunction<K, V, void>, options?: Named): KStream<K, V>;
  /** Hands each record to the action, once more after a crash, and ends there. */
  forEach(action: RecordFunction<K, V, void>, options?: Named): void;
  /**
   * Cuts the stream into branches: a record goes to the first one whose predicate is true, else to `default`.
   *
   * @example
   * ```ts
   * const { large, small } = orders.split({ large: isLarge, small: (order) => order.amount > 0 });
   * ```
   */
  split<const B extends Branches<K, V>>(branches: B, options?: Named): SplitStreams<K, V, B>;
  /** Both streams' records; no order between them but within a task. */
  merge<V2>(other: KStream<K, V2>, options?: Named): KStream<K, V | V2>;
  /**
   * Sends the stream through an internal topic, `<application>-<name>-repartition`, by its present key.
   * Records without key are left out, unless a left join comes after (KIP-962).
   */
  repartition(options?: RepartitionedOptions<KeyOf<K>, V>): KStream<K, V>;
  groupByKey(options?: GroupedOptions<KeyOf<K>, V>): KGroupedStream<KeyOf<K>, V>;
  /** `selectKey`, then `groupByKey`: repartitions. Records without the new key are left out. */
  groupBy<K2>(
    selector: RecordFunction<K, V, K2>,
    options?: GroupedOptions<KeyOf<K2>, V>,
  ): KGroupedStream<KeyOf<K2>, V>;
  /** The stream read as changes of a table: the last value of each key, null deletes. */
  toTable(options?: MaterializedOptions<KeyOf<K>, NonNullable<V>>): KTable<KeyOf<K>, NonNullable<V>, V>;
  /**
   * Each pair of records of the two streams with the same key and close in event time, as soon as both are
   * there; its time is the later one's. Records without key or value are left out. Both streams' topics need
   * as many partitions.
   */
  join<VO, V2>(
    other: KStream<K, VO>,
    joiner: (value: NonNullable<V>, other: NonNullable<VO>, key: KeyOf<K>) => Awaitable<V2>,
    options: StreamJoinedOptions<KeyOf<K>, NonNullable<V>, NonNullable<VO>>,
  ): KStream<KeyOf<K>, V2>;
  /** Each record with the row that its key has now; records without one are left out. */
  join<VT, V2>(
    table: KTable<KeyOf<K>, VT, unknown>,
    joiner: (value: NonNullable<V>, row: VT, key: KeyOf<K>) => Awaitable<V2>,
    options?: JoinedOptions<KeyOf<K>, V>,
  ): KStream<KeyOf<K>, V2>;
  /** Each record with the row that its key has now, or with null. */
  leftJoin<VT, V2>(
    table: KTable<KeyOf<K>, VT, unknown>,
    joiner: (value: NonNullable<V>, row: VT | null, key: K) => Awaitable<V2>,
    options?: JoinedOptions<KeyOf<K>, V>,
  ): KStream<K, V2>;
  /** A processor with state stores and punctuators. What it forwards may have another key. */
  process<K2 = never, V2 = never>(
    supplier: ProcessorSupplier<K, V, K2, V2>,
    options?: ProcessOptions,
  ): KStream<K2, V2>;
  /** A processor that keeps keys. */
  processValues<V2 = never>(
    supplier: FixedKeyProcessorSupplier<K, V, V2>,
    options?: ProcessOptions,
  ): KStream<K, V2>;
  /** Writes the records to a topic, which is made with 4 partitions if there is none. */
  to(topic: string, options?: ProducedOptions<KeyOf<K>, NonNullable<V>>): void;
}

/** Records of a key together. Records without key are left out. */
export interface KGroupedStream<K, V> {
  /** Records with null values are left out. */
  count(options?: MaterializedOptions<K, number>): KTable<K, number>;
  /** Combines two values into one of the same type. Null deletes the row. */
  reduce<R extends V | null = V>(
    reducer: (aggregate: NonNullable<V>, value: NonNullable<V>) => Awaitable<R>,
    options?: MaterializedOptions<K, NonNullable<V>>,
  ): KTable<K, NonNullable<V>, R | V>;
  /**
   * Folds values into an aggregate of another type. Return a new aggregate, never a changed one. Null deletes
   * the row.
   */
  aggregate<A, R extends A | null = A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: NonNullable<V>, key: K) => Awaitable<R>,
    options?: MaterializedOptions<K, A>,
  ): KTable<K, A, R>;
  /** Windows of fixed size, or sessions with `inactivityGapMs`. */
  windowedBy(windows: TimeWindows): TimeWindowedKStream<K, V>;
  windowedBy(windows: SessionWindows): SessionWindowedKStream<K, V>;
}

/** Records of a key and window together. */
export interface TimeWindowedKStream<K, V> {
  count(options?: WindowedMaterializedOptions<K, number>): KTable<Windowed<K>, number>;
  reduce(
    reducer: (aggregate: NonNullable<V>, value: NonNullable<V>) => Awaitable<NonNullable<V>>,
    options?: WindowedMaterializedOptions<K, NonNullable<V>>,
  ): KTable<Windowed<K>, NonNullable<V>>;
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => Awaitable<A>,
    options?: WindowedMaterializedOptions<K, A>,
  ): KTable<Windowed<K>, A>;
}

/**
 * Records of a key and session together. A record between two sessions makes them one: the old rows are
 * deleted (null), the new one is added.
 */
export interface SessionWindowedKStream<K, V> {
  count(options?: WindowedMaterializedOptions<K, number>): KTable<Windowed<K>, number, number | null>;
  reduce(
    reducer: (aggregate: NonNullable<V>, value: NonNullable<V>) => Awaitable<NonNullable<V>>,
    options?: WindowedMaterializedOptions<K, NonNullable<V>>,
  ): KTable<Windowed<K>, NonNullable<V>, NonNullable<V> | null>;
  /** `merger` combines the aggregates of two sessions, the earlier one first. */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => Awaitable<A>,
    merger: (one: A, other: A, key: K) => Awaitable<A>,
    options?: WindowedMaterializedOptions<K, A>,
  ): KTable<Windowed<K>, A, A | null>;
}

/**
 * A table: the latest value of each key. `Update` is what its changes carry: `V`, and null where rows can be
 * deleted.
 */
export interface KTable<K, V, Update = V> {
  /** Rows that the predicate refuses are deleted downstream. */
  filter(predicate: RecordFunction<K, V, boolean>, options?: Named): KTable<K, V, Update | null>;
  mapValues<V2>(mapper: RecordFunction<K, V, V2>, options?: Named): KTable<K, V2, V2 | Extract<Update, null>>;
  /**
   * Holds updates, the last one of each key. What is held survives a restart. Stream time moves on with this
   * table's updates: the last window stays open until a later record comes.
   */
  suppress(options: SuppressedOptions): KTable<K, V, Update>;
  /** The table's changes: each update, or with a record cache the last one of each key and commit. */
  toStream(options?: Named): KStream<K, Update>;
}

/** Makes the streams, tables and stores of one topology. */
export interface StreamsBuilder {
  /**
   * Events of the given contracts, all on one topic or on several. The key is the record's key as text, null
   * on topics without keys; event time is the contract's time field. Other types on the topic are passed
   * over.
   */
  stream<const Contracts extends readonly EventContract<unknown>[]>(
    contracts: Contracts,
    options?: Named,
  ): KStream<string | null, EventOf<Contracts[number]>>;
  /** Records of a topic. Null values (deletions) come through: say so in `V` where there are any. */
  stream<K = string | null, V = unknown>(
    topic: string,
    options?: ConsumedOptions<KeyOf<K>, NonNullable<V>>,
  ): KStream<K, V>;
  /** A topic read as a table: the last value of each key; null deletes. Records without key are left out. */
  table<K = string, V = unknown>(
    topic: string,
    options?: ConsumedOptions<K, V> & { readonly store?: string },
  ): KTable<K, V, V | null>;
  /** Declares a state store for processors, queryable under its name, with a changelog. */
  keyValueStore<K, V>(name: string, serdes?: KeyValueSerdes<K, V>): StoreHandle<K, V>;
}
