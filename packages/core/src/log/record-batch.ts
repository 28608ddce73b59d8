import { readInt16, readInt32, readInt64, readUint32 } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import { type Compression, type CompressionCodecs, compressionOf, decompressBatch } from './compression.ts';
import { logError } from './errors.ts';
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_TIMESTAMP_AT,
  BATCH_LENGTH_AT,
  BATCH_OVERHEAD,
  COMPRESSION_MASK,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LENGTH_OVERHEAD,
  LOG_APPEND_TIME,
  MAGIC,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  RECORD_COUNT_AT,
} from './record-batch-layout.ts';
import type { RecordHeader } from './record-batch-builder.ts';
import { RecordCursor } from './record-cursor.ts';

/**
 * One batch as it lies on disk (record-batch v2), decompressed and decoded lazily. The bytes are shared with
 * the log's cache and with other readers: never write to them. Keeping one record's key or value keeps the
 * whole batch in memory.
 */
export class RecordBatch {
  /** The whole encoded batch as it is stored, perhaps compressed; shared, never to be written to. */
  readonly storedBytes: Uint8Array;
  readonly baseOffset: number;
  /** The last offset of the batch: `baseOffset + count - 1`, or more where some hold no record. */
  readonly lastOffset: number;
  readonly count: number;
  /**
   * The producer's clock when the batch was begun (the batch's base timestamp): for events, first byte
   * received.
   */
  readonly createdAtMs: number;
  /** The log's clock when the batch was appended (its max timestamp, attribute LogAppendTime). */
  readonly appendedAtMs: number;

  /** What the batch holds in memory when it comes from a builder: its bytes, also the uncompressed ones. */
  readonly memoryBytes: number;
  readonly #codecs: CompressionCodecs;
  #bytes: Uint8Array | undefined;

  private constructor(bytes: Uint8Array, codecs: CompressionCodecs, uncompressed?: Uint8Array) {
    this.storedBytes = bytes;
    this.#codecs = codecs;
    this.#bytes = uncompressed;
    const isBoth = uncompressed !== undefined && uncompressed !== bytes;
    this.memoryBytes = bytes.length + (isBoth ? uncompressed.length : 0);
    this.baseOffset = readInt64(bytes, BASE_OFFSET_AT);
    this.lastOffset = this.baseOffset + readInt32(bytes, LAST_OFFSET_DELTA_AT);
    this.count = readInt32(bytes, RECORD_COUNT_AT);
    this.createdAtMs = readInt64(bytes, BASE_TIMESTAMP_AT);
    this.appendedAtMs = readInt64(bytes, MAX_TIMESTAMP_AT);
  }

  /**
   * The batch that begins at `position` (default 0). Works on any thread on bytes that `RecordBatch.bytes`
   * gave; the CRC is not computed again, for the log has checked what it read. Codecs are needed for stored
   * bytes only. `LOG_INVALID_BATCH` when there is no whole v2 batch at that place.
   */
  static decode(bytes: Uint8Array, position = 0, codecs: CompressionCodecs = {}): RecordBatch {
    const problem = batchProblem(bytes, position);
    if (problem !== undefined) {
      throw logError('LOG_INVALID_BATCH', {
        message: `No record batch at byte ${position}: ${problem}.`,
        details: { position, problem },
      });
    }
    return RecordBatch.view(bytes, position, codecs);
  }

  /**
   * `decode` for a place where `batchProblem` was asked before.
   * @internal
   */
  static view(bytes: Uint8Array, position: number, codecs: CompressionCodecs): RecordBatch {
    const end = position + LENGTH_OVERHEAD + readInt32(bytes, position + BATCH_LENGTH_AT);
    const isWhole = position === 0 && end === bytes.length;
    return new RecordBatch(isWhole ? bytes : bytes.subarray(position, end), codecs);
  }

  /**
   * A batch that was just sealed: readers near the end need not decompress it.
   * @internal
   */
  static sealed(sealed: { readonly stored: Uint8Array; readonly uncompressed: Uint8Array }): RecordBatch {
    return new RecordBatch(sealed.stored, {}, sealed.uncompressed);
  }

  /**
   * The whole encoded batch, header included and uncompressed, decompressed at the first use; shared, never
   * to be written to. Its CRC is that of `storedBytes`. `LOG_UNSUPPORTED_COMPRESSION` without the codec.
   */
  get bytes(): Uint8Array {
    this.#bytes ??= decompressBatch(this.storedBytes, this.#codecs);
    return this.#bytes;
  }

  get compression(): Compression {
    return compressionOf(readInt16(this.storedBytes, ATTRIBUTES_AT)) ?? 'none';
  }

  /** Stored size, header included. */
  get byteLength(): number {
    return this.storedBytes.length;
  }

  /** Walks over the records without making an object for each: the way for hot loops. */
  cursor(): RecordCursor {
    return new RecordCursor(this.bytes, BATCH_OVERHEAD, this.count);
  }

  /**
   * Calls `visit` with the place of each record's value in `bytes`, in order; a null value has `start` and
   * `end` -1. `index` counts from 0: the offset is `baseOffset + index` unless the topic is compacted.
   */
  // oxlint-disable-next-line max-params -- called once an event: positional, so that no object is made
  forEachValue(visit: (bytes: Uint8Array, start: number, end: number, index: number) => void): void {
    const cursor = this.cursor();
    while (cursor.next()) visit(cursor.bytes, cursor.valueStart, cursor.valueEnd, cursor.index);
  }

  /** All records, decoded; keys and values are views on `bytes`, headers are decoded when asked for. */
  records(): readonly LogRecord[] {
    const usesAppendTime = (readInt16(this.storedBytes, ATTRIBUTES_AT) & LOG_APPEND_TIME) !== 0;
    const records: LogRecord[] = [];
    const cursor = this.cursor();
    while (cursor.next()) {
      const timestampMs = usesAppendTime ? this.appendedAtMs : this.createdAtMs + cursor.timestampDeltaMs;
      records.push(new LogRecord(cursor, this.baseOffset + cursor.offsetDelta, timestampMs));
    }
    return records;
  }

  /**
   * True when the stored bytes are those that were written, as far as the CRC covers them (all but the first
   * 21 bytes).
   */
  matchesChecksum(checksum: Checksum): boolean {
    return checksum(this.storedBytes.subarray(ATTRIBUTES_AT)) === readUint32(this.storedBytes, CRC_AT);
  }
}

/** One decoded record. */
export class LogRecord {
  readonly offset: number;
  /** The append time where the batch carries one (always, in the embedded log), else the producer's. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];

  constructor(cursor: RecordCursor, offset: number, timestampMs: number) {
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.key = cursor.keyStart < 0 ? null : cursor.bytes.subarray(cursor.keyStart, cursor.keyEnd);
    this.value = cursor.valueStart < 0 ? null : cursor.bytes.subarray(cursor.valueStart, cursor.valueEnd);
    this.headers = cursor.headerCount === 0 ? noHeaders : cursor.headers();
  }
}

const noHeaders: readonly RecordHeader[] = [];

/** What can be known of a batch without its records. */
export interface BatchSummary {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly appendedAtMs: number;
  readonly byteLength: number;
}

/** What a header says about its batch; the header alone, without the records, is enough. */
export function summaryOfHeader(header: Uint8Array): BatchSummary {
  const baseOffset = readInt64(header, BASE_OFFSET_AT);
  return {
    baseOffset,
    lastOffset: baseOffset + readInt32(header, LAST_OFFSET_DELTA_AT),
    appendedAtMs: readInt64(header, MAX_TIMESTAMP_AT),
    byteLength: LENGTH_OVERHEAD + readInt32(header, BATCH_LENGTH_AT),
  };
}

/** All batches of `bytes`, which hold nothing else, in order. Codecs as for `RecordBatch.decode`. */
export function decodeBatches(bytes: Uint8Array, codecs: CompressionCodecs = {}): RecordBatch[] {
  const batches: RecordBatch[] = [];
  let position = 0;
  while (position < bytes.length) {
    const batch = RecordBatch.decode(bytes, position, codecs);
    batches.push(batch);
    position += batch.byteLength;
  }
  return batches;
}

/**
 * Why the bytes at `position` do not begin with a whole batch; undefined when they do. Checks what the CRC
 * does not cover (length, magic) and what must fit together (counts, offsets), not the CRC itself.
 */
export function batchProblem(bytes: Uint8Array, position: number): string | undefined {
  const available = bytes.length - position;
  if (available < BATCH_OVERHEAD) return `${available} bytes are too few for a header`;
  const length = LENGTH_OVERHEAD + readInt32(bytes, position + BATCH_LENGTH_AT);
  if (length < BATCH_OVERHEAD || length > available)
    return `its length is said to be ${length} of ${available} bytes`;
  const magic = bytes[position + MAGIC_AT]!;
  if (magic !== MAGIC) return `its magic is ${magic}, not ${MAGIC}`;
  const attributes = readInt16(bytes, position + ATTRIBUTES_AT);
  if (compressionOf(attributes) === undefined)
    return `it is compressed by an unknown codec (${attributes & COMPRESSION_MASK})`;
  const baseOffset = readInt64(bytes, position + BASE_OFFSET_AT);
  if (baseOffset < 0 || !Number.isSafeInteger(baseOffset)) return `its base offset is ${baseOffset}`;
  const count = readInt32(bytes, position + RECORD_COUNT_AT);
  const lastOffsetDelta = readInt32(bytes, position + LAST_OFFSET_DELTA_AT);
  if (count < 0 || lastOffsetDelta < 0 || count > lastOffsetDelta + 1) {
    return `it says ${count} records over ${lastOffsetDelta + 1} offsets`;
  }
  return undefined;
}
