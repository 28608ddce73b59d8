// Skeleton: the log room completes it.
import type { RecordHeader } from './record-batch-builder.ts';
/** One batch as it lies on disk (record-batch v2), decoded lazily. */
export interface RecordBatch {
  /** The whole encoded batch, header included; shared, never to be written to. */
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  /** `baseOffset + count - 1`, also where compaction removed records. */
  readonly lastOffset: number;
  readonly count: number;
  /** The producer's clock when the batch was begun (the batch's base timestamp): for events, first byte received. */
  readonly createdAtMs: number;
  /** The log's clock when the batch was appended (its max timestamp, attribute LogAppendTime). */
  readonly appendedAtMs: number;
  /** All records, decoded; keys and values are views on `bytes`. */
  records(): readonly LogRecord[];
}
export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}
