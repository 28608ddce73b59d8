import { logError } from './errors.ts';
import type { RecordHeader } from './record-batch-builder.ts';

const text = new TextDecoder();

/**
 * Walks over encoded records without making an object for each: after `next()` returned true, the fields
 * describe the current record as positions in `bytes`.
 *
 * @example
 * ```ts
 * const cursor = batch.cursor();
 * while (cursor.next()) {
 *   if (cursor.valueStart >= 0) use(cursor.bytes, cursor.valueStart, cursor.valueEnd);
 * }
 * ```
 */
export class RecordCursor {
  readonly bytes: Uint8Array;
  /** Position within the batch, from 0; -1 before the first `next()`. */
  index = -1;
  /** Distance of the record's offset from the batch's base offset. */
  offsetDelta = 0;
  /**
   * Distance of the record's own timestamp from the batch's base timestamp; without meaning under
   * LogAppendTime.
   */
  timestampDeltaMs = 0;
  /** -1 for a null key. */
  keyStart = -1;
  keyEnd = -1;
  /** -1 for a null value. */
  valueStart = -1;
  valueEnd = -1;
  headerCount = 0;
  /** The whole encoded record, its length included. */
  recordStart = 0;
  recordEnd = 0;
  #headersStart = 0;
  #position: number;
  readonly #count: number;

  constructor(bytes: Uint8Array, position: number, count: number) {
    this.bytes = bytes;
    this.#position = position;
    this.#count = count;
  }

  /** Moves to the next record; false at the end. `LOG_INVALID_BATCH` when the bytes are no records. */
  next(): boolean {
    if (this.index + 1 >= this.#count) {
      if (this.#position !== this.bytes.length) this.#refuse('bytes after the last record');
      return false;
    }
    this.recordStart = this.#position;
    const length = this.#readVarint();
    const end = this.#position + length;
    if (length < 6 || end > this.bytes.length) this.#refuse('a record that ends outside its batch');
    this.#position++;
    this.timestampDeltaMs = this.#readVarlong();
    this.offsetDelta = this.#readVarint();
    const keyLength = this.#readVarint();
    this.keyStart = keyLength < 0 ? -1 : this.#position;
    this.keyEnd = keyLength < 0 ? -1 : (this.#position += keyLength);
    const valueLength = this.#readVarint();
    this.valueStart = valueLength < 0 ? -1 : this.#position;
    this.valueEnd = valueLength < 0 ? -1 : (this.#position += valueLength);
    this.headerCount = this.#readVarint();
    this.#headersStart = this.#position;
    if (this.#position > end || this.headerCount < 0)
      this.#refuse('fields that do not fit into their record');
    if (this.headerCount === 0 && this.#position !== end)
      this.#refuse('bytes after the last field of a record');
    this.#position = end;
    this.recordEnd = end;
    this.index++;
    return true;
  }

  /** The current record's headers, decoded now. */
  headers(): RecordHeader[] {
    const headers: RecordHeader[] = [];
    const resume = this.#position;
    this.#position = this.#headersStart;
    for (let i = 0; i < this.headerCount; i++) {
      const keyLength = this.#readVarint();
      const key = text.decode(this.bytes.subarray(this.#position, this.#position + keyLength));
      this.#position += keyLength;
      const valueLength = Math.max(0, this.#readVarint());
      const value = this.bytes.subarray(this.#position, this.#position + valueLength);
      this.#position += valueLength;
      if (keyLength < 0 || this.#position > resume) this.#refuse('headers that do not fit into their record');
      headers.push({ key, value });
    }
    this.#position = resume;
    return headers;
  }

  #readVarint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.#position++]!;
    let zigzag = byte & 0x7f;
    let shift = 7;
    while (byte & 0x80) {
      if (shift > 28) this.#refuse('a number that is too long');
      byte = bytes[this.#position++]!;
      zigzag |= (byte & 0x7f) << shift;
      shift += 7;
    }
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  // Up to 64 bits; exact as far as a number goes, which covers 285,000 years of milliseconds.
  #readVarlong(): number {
    const bytes = this.bytes;
    let byte = bytes[this.#position++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    const odd = byte & 1;
    let half = (byte & 0x7f) >>> 1;
    let factor = 64;
    do {
      byte = bytes[this.#position++]!;
      half += (byte & 0x7f) * factor;
      factor *= 128;
    } while (byte & 0x80 && factor < 2 ** 63);
    return odd ? -half - 1 : half;
  }

  #refuse(found: string): never {
    throw logError('LOG_INVALID_BATCH', {
      message: `A record batch holds ${found}.`,
      details: { record: this.index + 1, position: this.#position },
    });
  }
}
