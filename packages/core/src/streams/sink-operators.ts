import type { Counter } from '../base/index.ts';
import { partitionFor } from '../log/index.ts';
import { withEventTime } from './event-time-header.ts';
import { Operator, type TaskScope } from './operator.ts';
import { frameValue } from './repartition-codec.ts';
import type { Serde } from './serde.ts';
import type { Pending, StreamRecord } from './stream-record.ts';

export interface SinkOptions {
  readonly topic: string;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
}

/** KStream.to: the record with its headers, event time in one of them. */
export class SinkOperator extends Operator {
  readonly #options: SinkOptions;

  constructor(name: string, scope: TaskScope, options: SinkOptions) {
    super(name, scope);
    this.#options = options;
  }

  process(record: StreamRecord): Pending {
    const { topic, keySerde, valueSerde } = this.#options;
    let key: Uint8Array | null;
    let value: Uint8Array | null;
    try {
      key = record.key === null ? null : keySerde.serialize(record.key);
      value = record.value === null ? null : valueSerde.serialize(record.value);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return undefined;
    }
    const headers = withEventTime(record.headers, record.timestampMs);
    this.scope.collector.add(topic, partitionOf(this.scope, topic, key), key, value, headers);
    return undefined;
  }
}

/** Records without a key stay where they are, as far as the target has that many partitions. */
function partitionOf(scope: TaskScope, topic: string, key: Uint8Array | null): number {
  const partitions = scope.partitionsOf(topic);
  return key === null ? scope.partition % partitions : partitionFor(key, partitions);
}

export interface RepartitionOptions extends SinkOptions {
  /** Records without a key cannot be grouped or joined; a left join still wants them. */
  readonly keepsNullKeys: boolean;
}

/** Writes records to an internal topic by their new key, event time framed with the value. */
export class RepartitionOperator extends Operator {
  readonly #options: RepartitionOptions;
  readonly #dropped: Counter;

  constructor(name: string, scope: TaskScope, options: RepartitionOptions) {
    super(name, scope);
    this.#options = options;
    this.#dropped = scope.droppedCounter(name, 'null_key');
  }

  process(record: StreamRecord): Pending {
    const { topic, keySerde, valueSerde, keepsNullKeys } = this.#options;
    if (record.key === null && !keepsNullKeys) {
      this.#dropped.add(1);
      return undefined;
    }
    let key: Uint8Array | null;
    let value: Uint8Array | null;
    try {
      key = record.key === null ? null : keySerde.serialize(record.key);
      value = record.value === null ? null : valueSerde.serialize(record.value);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return undefined;
    }
    const framed = frameValue(value, record.timestampMs);
    this.scope.collector.add(topic, partitionOf(this.scope, topic, key), key, framed, record.headers);
    return undefined;
  }
}
