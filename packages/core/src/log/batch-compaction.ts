import { writeInt16, writeInt32, writeInt64 } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import { attributesOf, codecOf, type CompressionCodecs } from './compression.ts';
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_LENGTH_AT,
  BATCH_OVERHEAD,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LENGTH_OVERHEAD,
  LOG_APPEND_TIME,
  MAGIC,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
} from './record-batch-layout.ts';
import type { RecordBatch } from './record-batch.ts';
import type { RecordCursor } from './record-cursor.ts';

export interface BatchEncoding {
  readonly checksum: Checksum;
  readonly codecs: CompressionCodecs;
}

/**
 * What is left of a batch, encoded: the stored bytes themselves when all of it is kept, undefined when
 * nothing is. Offsets, times and compression stay what they were.
 */
export function filterBatch(
  batch: RecordBatch,
  keeps: (cursor: RecordCursor) => boolean,
  encoding: BatchEncoding,
): Uint8Array | undefined {
  const places: number[] = [];
  let length = 0;
  const cursor = batch.cursor();
  while (cursor.next()) {
    if (!keeps(cursor)) continue;
    places.push(cursor.recordStart, cursor.recordEnd);
    length += cursor.recordEnd - cursor.recordStart;
  }
  const count = places.length / 2;
  if (count === 0) return undefined;
  if (count === batch.count) return batch.storedBytes;
  const bytes = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + length);
  bytes.set(batch.bytes.subarray(0, BATCH_OVERHEAD));
  let position = BATCH_OVERHEAD;
  for (let i = 0; i < places.length; i += 2) {
    bytes.set(batch.bytes.subarray(places[i], places[i + 1]), position);
    position += places[i + 1]! - places[i]!;
  }
  writeInt32(bytes, RECORD_COUNT_AT, count);
  return complete(compressAgain(bytes, batch, encoding.codecs), encoding.checksum);
}

/** Offsets of which no record is left, and the times of the newest that was. */
export interface Hole {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly createdAtMs: number;
  readonly appendedAtMs: number;
}

/** A batch without records that stands for a hole, so that batches still follow each other without a gap. */
export function emptyBatch(hole: Hole, checksum: Checksum): Uint8Array {
  const bytes = Buffer.alloc(BATCH_OVERHEAD);
  writeInt64(bytes, BASE_OFFSET_AT, hole.baseOffset);
  bytes[MAGIC_AT] = MAGIC;
  writeInt16(bytes, ATTRIBUTES_AT, LOG_APPEND_TIME);
  writeInt32(bytes, LAST_OFFSET_DELTA_AT, hole.lastOffset - hole.baseOffset);
  writeInt64(bytes, BASE_TIMESTAMP_AT, hole.createdAtMs);
  writeInt64(bytes, MAX_TIMESTAMP_AT, hole.appendedAtMs);
  writeInt64(bytes, PRODUCER_ID_AT, -1);
  writeInt16(bytes, PRODUCER_EPOCH_AT, -1);
  writeInt32(bytes, BASE_SEQUENCE_AT, -1);
  return complete(bytes, checksum);
}

/** The batch compressed as it was, when that still makes it smaller. */
function compressAgain(bytes: Uint8Array, batch: RecordBatch, codecs: CompressionCodecs): Uint8Array {
  const { compression } = batch;
  if (compression === 'none') return bytes;
  const records = codecOf(compression, codecs).compress(bytes.subarray(BATCH_OVERHEAD));
  if (BATCH_OVERHEAD + records.length >= bytes.length) return bytes;
  const compressed = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + records.length);
  compressed.set(bytes.subarray(0, BATCH_OVERHEAD));
  compressed.set(records, BATCH_OVERHEAD);
  writeInt16(compressed, ATTRIBUTES_AT, LOG_APPEND_TIME | attributesOf(compression));
  return compressed;
}

function complete(bytes: Uint8Array, checksum: Checksum): Uint8Array {
  writeInt32(bytes, BATCH_LENGTH_AT, bytes.length - LENGTH_OVERHEAD);
  writeInt32(bytes, CRC_AT, checksum(bytes.subarray(ATTRIBUTES_AT)));
  return bytes;
}
