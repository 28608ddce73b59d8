import type { KeyValueStore } from './key-value-store.ts';
import type { PunctuationType } from './operator.ts';
import type { Serde } from './serde.ts';
import type { RecordContext, StreamRecord } from './stream-record.ts';

/** A state store that a topology declared, to be opened by processors that name it. Types flow through it. */
export interface StoreHandle<K, V> {
  readonly name: string;
  readonly keySerde: Serde<K>;
  readonly valueSerde: Serde<V>;
}

/** What a processor gets when its task begins. */
export interface ProcessorContext<K, V> extends RecordContext {
  /**
   * Hands a record to what follows. Without `timestampMs` it carries the time of the record being processed
   * (in a punctuator: the punctuation's time). Work that follows and is asynchronous is awaited before the
   * next record.
   */
  forward(key: K, value: V, timestampMs?: number): void;
  /** A store that the operator's options name. */
  store<SK, SV>(handle: StoreHandle<SK, SV>): KeyValueStore<SK, SV>;
  /**
   * Calls `punctuate` whenever stream time or wall time passes a multiple of `intervalMs`, between records.
   * Returns the cancellation.
   */
  schedule(
    intervalMs: number,
    type: PunctuationType,
    punctuate: (timestampMs: number) => void | Promise<void>,
  ): () => void;
}

/** One instance per task. Kafka Streams' Processor. */
export interface Processor<K, V> {
  process(record: StreamRecord<K, V>): void | Promise<void>;
  close?(): void;
}

/**
 * Makes a processor for a task. Keep no state between records but in stores: it would not survive a crash.
 */
export type ProcessorSupplier<K, V, KOut, VOut> = (context: ProcessorContext<KOut, VOut>) => Processor<K, V>;

/** As `ProcessorContext`, for processors that keep the key: what they forward has the key of the input. */
export interface FixedKeyProcessorContext<K, V> extends Omit<ProcessorContext<K, V>, 'forward'> {
  forward(value: V, timestampMs?: number): void;
}

/** Makes a processor that keeps keys, so that nothing has to be repartitioned after it. */
export type FixedKeyProcessorSupplier<K, V, VOut> = (
  context: FixedKeyProcessorContext<K, VOut>,
) => Processor<K, V>;
