import { assert, messageOf } from '../base/index.ts';
import type { EventContract } from '../contract/index.ts';
import { fail } from './errors.ts';
import { eventTimeOf } from './event-time-header.ts';
import type { InputRecords } from './input-batch.ts';
import { Operator, type TaskScope } from './operator.ts';
import { framedTimestampMs, framedValue } from './repartition-codec.ts';
import { Serdes, type Serde } from './serde.ts';
import { StreamRecord, type Pending } from './stream-record.ts';

/** Event time of a record, milliseconds since the epoch. `logTimestampMs` is the time of its append. */
export type TimestampExtractor<K = unknown, V = unknown> = (
  value: V,
  key: K,
  logTimestampMs: number,
) => number;

/** Where records enter a sub-topology. */
export abstract class SourceOperator extends Operator {
  readonly topic: string;

  constructor(name: string, scope: TaskScope, topic: string) {
    super(name, scope);
    this.topic = topic;
  }

  /** The record at `index`; undefined when this topology has no use for it. Throws when it cannot be read. */
  abstract decode(input: InputRecords, index: number): StreamRecord | undefined;

  process(record: StreamRecord): Pending {
    return this.forward(record);
  }
}

export interface TopicSourceOptions {
  readonly topic: string;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
  readonly timestampExtractor: TimestampExtractor | undefined;
}

const anyJson = Serdes.json();

/**
 * Records of a topic by serdes. Event time: the extractor's, else the `event_time` header, else the append
 * time.
 */
export class TopicSourceOperator extends SourceOperator {
  readonly #keySerde: Serde<unknown>;
  readonly #valueSerde: Serde<unknown>;
  readonly #extractor: TimestampExtractor | undefined;

  constructor(name: string, scope: TaskScope, options: TopicSourceOptions) {
    super(name, scope, options.topic);
    this.#keySerde = options.keySerde;
    this.#valueSerde = options.valueSerde;
    this.#extractor = options.timestampExtractor;
  }

  decode(input: InputRecords, index: number): StreamRecord {
    const key = decodeKey(this.#keySerde, input, index);
    const value = decodeValue(this.#valueSerde, input, index);
    const headers = input.headers(index);
    const timestampMs =
      this.#extractor === undefined
        ? (eventTimeOf(headers) ?? input.timestampMs(index))
        : extractTime(this.#extractor, value, { key, logTimestampMs: input.timestampMs(index) });
    return new StreamRecord(key, value, timestampMs, headers);
  }
}

function decodeKey(serde: Serde<unknown>, input: InputRecords, index: number): unknown {
  if (serde === Serdes.string) return input.stringKey(index);
  const bytes = input.keyBytes(index);
  return bytes === null ? null : serde.deserialize(bytes);
}

function decodeValue(serde: Serde<unknown>, input: InputRecords, index: number): unknown {
  if (serde === anyJson) return input.json(index);
  const bytes = input.valueBytes(index);
  return bytes === null ? null : serde.deserialize(bytes);
}

function extractTime(
  extractor: TimestampExtractor,
  value: unknown,
  { key, logTimestampMs }: { key: unknown; logTimestampMs: number },
): number {
  const timestampMs = extractor(value, key, logTimestampMs);
  if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) throw badTimestamp(timestampMs);
  return timestampMs;
}

function badTimestamp(timestampMs: unknown): Error {
  return fail('STREAMS_BAD_TIMESTAMP', {
    message: `The record's event time is ${String(timestampMs)}, not a whole number of milliseconds from 0.`,
  });
}

export interface EventSourceOptions {
  readonly topic: string;
  /** By event type. */
  readonly contracts: ReadonlyMap<string, EventContract>;
}

/**
 * Events of some contracts; those of other types are passed over unread. Event time: the contract's time
 * field.
 */
export class EventSourceOperator extends SourceOperator {
  readonly #contracts: ReadonlyMap<string, EventContract>;

  constructor(name: string, scope: TaskScope, options: EventSourceOptions) {
    super(name, scope, options.topic);
    this.#contracts = options.contracts;
  }

  decode(input: InputRecords, index: number): StreamRecord | undefined {
    const value = this.#parse(input, index);
    const type = (value as { readonly event_type?: unknown } | null)?.event_type;
    if (typeof type !== 'string') return undefined;
    const contract = this.#contracts.get(type);
    if (contract === undefined) return undefined;
    const timestampMs = contract.timeMsOf(value as { readonly event_type: string });
    if (!(timestampMs >= 0)) throw badTimestamp(timestampMs);
    return new StreamRecord(input.stringKey(index), value, timestampMs, input.headers(index));
  }

  #parse(input: InputRecords, index: number): unknown {
    try {
      return input.json(index);
    } catch (cause) {
      throw fail('STREAMS_BAD_RECORD', { message: `The event is no JSON: ${messageOf(cause)}`, cause });
    }
  }
}

/** What a `RepartitionOperator` wrote: event time before the value's bytes. */
export class RepartitionSourceOperator extends SourceOperator {
  readonly #keySerde: Serde<unknown>;
  readonly #valueSerde: Serde<unknown>;

  constructor(name: string, scope: TaskScope, options: Omit<TopicSourceOptions, 'timestampExtractor'>) {
    super(name, scope, options.topic);
    this.#keySerde = options.keySerde;
    this.#valueSerde = options.valueSerde;
  }

  decode(input: InputRecords, index: number): StreamRecord {
    const framed = input.valueBytes(index);
    assert(framed !== null, 'a repartition topic has no null values');
    const bytes = framedValue(framed);
    const key = decodeKey(this.#keySerde, input, index);
    const value = bytes === null ? null : this.#valueSerde.deserialize(bytes);
    return new StreamRecord(key, value, framedTimestampMs(framed), input.headers(index));
  }
}
