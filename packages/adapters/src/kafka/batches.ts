import { messageOf } from '@millrace/core/base';
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BATCH_LENGTH_AT,
  BATCH_OVERHEAD,
  type Checksum,
  COMPRESSION_MASK,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LENGTH_OVERHEAD,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  readInt16,
  readInt32,
  readInt64,
  readUint32,
  RECORD_COUNT_AT,
  RecordBatch,
  type RecordBatchBuilder,
  writeInt16,
  writeInt32,
  writeInt64,
} from '@millrace/core/log';
import { type Codec, codecNumber, compress, decompress } from './compression.ts';
import { kafkaError } from './errors.ts';
import type { Fetched } from './wire.ts';

const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** The type of a control record that says: the transaction was aborted. */
const ABORT = 0;

/** The sender of a batch, and how many records it has sent to the partition before. */
export interface ProducerStamp {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

/** Takes the builder's records as a batch that can be stored; `stampBatch` completes it. */
export function encodeBatch(builder: RecordBatchBuilder, codec: Codec): Uint8Array {
  const plain = builder.seal({ baseOffset: 0, appendedAtMs: builder.createdAtMs, checksum: () => 0 });
  if (codec === 'none') {
    writeInt16(plain, ATTRIBUTES_AT, TRANSACTIONAL);
    return plain;
  }
  const encoded = withRecords(plain, compress(codec, plain.subarray(BATCH_OVERHEAD)));
  writeInt16(encoded, ATTRIBUTES_AT, TRANSACTIONAL | codecNumber(codec));
  return encoded;
}

/** Writes the sender into a batch. The same batch may be stamped again for another attempt. */
export function stampBatch(bytes: Uint8Array, stamp: ProducerStamp, checksum: Checksum): void {
  writeInt64(bytes, PRODUCER_ID_AT, Number(stamp.producerId));
  writeInt16(bytes, PRODUCER_EPOCH_AT, stamp.epoch);
  writeInt32(bytes, BASE_SEQUENCE_AT, stamp.sequence);
  writeInt32(bytes, CRC_AT, checksum(bytes.subarray(ATTRIBUTES_AT)));
}

export interface DecodePlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Nothing from here on is given out, although the broker may have more by now. */
  readonly endOffset: number;
  readonly checksum: Checksum;
}

/**
 * What a broker gave as batches that follow each other without a gap from `offset` on: transaction markers
 * and aborted records have offsets too, which count as part of the batch before them, or as a batch without
 * records where there is none.
 */
export function decodeFetched(fetched: Fetched, place: DecodePlace): RecordBatch[] {
  const { bytes } = fetched;
  const aborts = new OpenAborts(fetched);
  const batches: Uint8Array[] = [];
  let nextOffset = place.offset;
  let position = 0;
  while (bytes.length - position >= BATCH_OVERHEAD) {
    const length = LENGTH_OVERHEAD + readInt32(bytes, position + BATCH_LENGTH_AT);
    // The broker cuts its answer at the size that was asked for.
    if (length > bytes.length - position) break;
    const batch = bytes.subarray(position, position + length);
    position += length;
    const baseOffset = readInt64(batch, BASE_OFFSET_AT);
    if (baseOffset >= place.endOffset) break;
    const batchEnd = baseOffset + readInt32(batch, LAST_OFFSET_DELTA_AT) + 1;
    if (batchEnd <= place.offset) continue;
    checkBatch(batch, place);
    const hasRecords = aborts.admit(batch);
    if (baseOffset > nextOffset) coverGap(batches, nextOffset, baseOffset);
    if (hasRecords) batches.push(plainBatch(batch, place));
    else coverGap(batches, Math.max(nextOffset, baseOffset), batchEnd);
    nextOffset = batchEnd;
  }
  for (const batch of batches) writeInt32(batch, CRC_AT, place.checksum(batch.subarray(ATTRIBUTES_AT)));
  return batches.map((batch) => RecordBatch.decode(batch));
}

/** Which transactions are aborted at the place where the reader is: markers end them. */
class OpenAborts {
  readonly #pending: { producerId: number; firstOffset: number }[];
  readonly #open = new Set<number>();

  constructor({ aborted }: Fetched) {
    this.#pending = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether a batch has records for readers; every batch of the answer is asked about, in order. */
  admit(batch: Uint8Array): boolean {
    const lastOffset = readInt64(batch, BASE_OFFSET_AT) + readInt32(batch, LAST_OFFSET_DELTA_AT);
    while (this.#pending.length > 0 && this.#pending[0]!.firstOffset <= lastOffset) {
      this.#open.add(this.#pending.shift()!.producerId);
    }
    const attributes = readInt16(batch, ATTRIBUTES_AT);
    const producerId = readInt64(batch, PRODUCER_ID_AT);
    if ((attributes & CONTROL) !== 0) {
      if (controlType(batch) === ABORT) this.#open.delete(producerId);
      return false;
    }
    return (attributes & TRANSACTIONAL) === 0 || !this.#open.has(producerId);
  }
}

/** The key of a control record is its version and its type. */
function controlType(batch: Uint8Array): number {
  const cursor = RecordBatch.decode(batch).cursor();
  return cursor.next() && cursor.keyStart >= 0 ? readInt16(cursor.bytes, cursor.keyStart + 2) : -1;
}

function coverGap(batches: Uint8Array[], fromOffset: number, endOffset: number): void {
  const last = batches.at(-1);
  if (last === undefined) batches.push(emptyBatch(fromOffset, endOffset - fromOffset));
  else writeInt32(last, LAST_OFFSET_DELTA_AT, endOffset - 1 - readInt64(last, BASE_OFFSET_AT));
}

function emptyBatch(baseOffset: number, offsets: number): Uint8Array {
  const batch = Buffer.alloc(BATCH_OVERHEAD);
  writeInt64(batch, BASE_OFFSET_AT, baseOffset);
  writeInt32(batch, BATCH_LENGTH_AT, BATCH_OVERHEAD - LENGTH_OVERHEAD);
  batch[16] = 2;
  writeInt32(batch, LAST_OFFSET_DELTA_AT, offsets - 1);
  writeInt64(batch, PRODUCER_ID_AT, -1);
  writeInt16(batch, PRODUCER_EPOCH_AT, -1);
  writeInt32(batch, BASE_SEQUENCE_AT, -1);
  return batch;
}

function plainBatch(batch: Uint8Array, place: DecodePlace): Uint8Array {
  const attributes = readInt16(batch, ATTRIBUTES_AT);
  const codec = attributes & COMPRESSION_MASK;
  if (codec === 0) return batch;
  try {
    const plain = withRecords(batch, decompress(codec, batch.subarray(BATCH_OVERHEAD)));
    writeInt16(plain, ATTRIBUTES_AT, attributes & ~COMPRESSION_MASK);
    return plain;
  } catch (error) {
    throw corrupt(batch, place, messageOf(error));
  }
}

/** A batch with the same header and other bytes of records. */
function withRecords(header: Uint8Array, records: Uint8Array): Uint8Array {
  const batch = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + records.length);
  batch.set(header.subarray(0, BATCH_OVERHEAD));
  batch.set(records, BATCH_OVERHEAD);
  writeInt32(batch, BATCH_LENGTH_AT, batch.length - LENGTH_OVERHEAD);
  return batch;
}

function checkBatch(batch: Uint8Array, place: DecodePlace): void {
  const found = place.checksum(batch.subarray(ATTRIBUTES_AT)) >>> 0;
  if (found !== readUint32(batch, CRC_AT)) throw corrupt(batch, place, 'its checksum is wrong');
  if (readInt32(batch, RECORD_COUNT_AT) < 0) throw corrupt(batch, place, 'it has no count of records');
}

function corrupt(batch: Uint8Array, { topic, partition }: DecodePlace, problem: string): Error {
  const offset = readInt64(batch, BASE_OFFSET_AT);
  return kafkaError('KAFKA_CORRUPT_BATCH', {
    message: `The batch at offset ${offset} of ${topic} ${partition} cannot be read: ${problem}.`,
    details: { topic, partition, offset },
  });
}
