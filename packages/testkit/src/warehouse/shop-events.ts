import type { Random } from '@millrace/core/base';
import type { TableSchema } from '@millrace/core/contract';
import { crc32c, RecordBatchBuilder, type RecordHeader } from '@millrace/core/log';
import type { LoadPart } from '@millrace/core/warehouse';

/** A raw table with a column of every type. */
export const SHOP_TABLE: TableSchema = {
  topic: 'events',
  table: 'raw_events',
  idColumn: 'event_id',
  timeColumn: 'event_timestamp',
  columns: [
    { name: 'event_id', type: 'varchar', personal: false },
    { name: 'event_type', type: 'varchar', personal: false },
    { name: 'event_timestamp', type: 'timestamp', personal: false },
    { name: 'user_id', type: 'varchar', personal: true },
    { name: 'quantity', type: 'bigint', personal: false },
    { name: 'amount', type: 'decimal(18,4)', personal: false },
    { name: 'score', type: 'double', personal: false },
    { name: 'is_member', type: 'boolean', personal: false },
    { name: 'born_on', type: 'date', personal: true },
    { name: 'properties', type: 'json', personal: false },
  ],
};

export interface PartitionBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly nextOffset: number;
}

/**
 * A partition as a log would hold it: batches of events, one after the other, that can be handed out again
 * and again.
 */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly batches: PartitionBatch[] = [];
  nextOffset = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Appends one batch; a value that is no object is stored as it is: text, bytes or null. */
  append(
    values: readonly unknown[],
    options: { createdAtMs?: number; appendedAtMs?: number; headers?: readonly RecordHeader[] } = {},
  ): PartitionBatch {
    const createdAtMs = options.createdAtMs ?? 1_700_000_000_000 + this.nextOffset;
    const builder = new RecordBatchBuilder({ createdAtMs });
    for (const value of values) builder.append(null, encode(value), options.headers);
    const baseOffset = this.nextOffset;
    const appendedAtMs = options.appendedAtMs ?? createdAtMs;
    const bytes = builder.seal({ baseOffset, appendedAtMs, checksum: crc32c });
    this.nextOffset += values.length;
    const batch = { bytes, baseOffset, nextOffset: this.nextOffset };
    this.batches.push(batch);
    return batch;
  }

  /** What a reader hands over who wants the records from `fromOffset` on, up to `untilOffset`. */
  part(fromOffset = 0, untilOffset = this.nextOffset): LoadPart {
    const batches = this.batches.filter(
      ({ baseOffset, nextOffset }) => nextOffset > fromOffset && baseOffset < untilOffset,
    );
    return {
      topic: this.topic,
      partition: this.partition,
      fromOffset,
      batches: batches.map(({ bytes }) => bytes),
    };
  }
}

/** An event of the shop; the same `id` gives the same event. */
export function shopEvent(id: number, random: Random): Record<string, unknown> {
  const event: Record<string, unknown> = {
    event_id: `e${id}`,
    event_type: ['page_view', 'click', 'purchase'][id % 3],
    event_timestamp: new Date(1_700_000_000_000 + id * 1000 + Math.floor(random.next() * 1000)).toISOString(),
    user_id: random.next() < 0.1 ? null : `u${Math.floor(random.next() * 50)}`,
  };
  if (id % 3 === 2) {
    event['quantity'] = Math.floor(random.next() * 10);
    event['amount'] = Math.floor(random.next() * 100_000) / 100;
    event['properties'] = { position: id, tags: ['a', 'ü'] };
  }
  return event;
}

function encode(value: unknown): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}
