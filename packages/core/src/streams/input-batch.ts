import type { RecordBatch, RecordHeader } from '../log/index.ts';
import { textOf } from './serde.ts';
import { noHeaders } from './stream-record.ts';

/** Raw records by position, as sources read them. */
export interface InputRecords {
  readonly count: number;
  offset(index: number): number;
  /** The log's or the producer's timestamp; not event time. */
  timestampMs(index: number): number;
  keyBytes(index: number): Uint8Array | null;
  valueBytes(index: number): Uint8Array | null;
  headers(index: number): readonly RecordHeader[];
  /** The key as UTF-8 text. */
  stringKey(index: number): string | null;
  /** The value as JSON; throws `SyntaxError`. Shared by all who read the record. */
  json(index: number): unknown;
}

const KEY_START = 0;
const KEY_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;
const OFFSET_DELTA = 4;
const HEADER_COUNT = 5;
const FIELDS = 6;

/**
 * A record batch, walked over once and parsed at most once for all topologies that read it. Keys and values
 * are decoded when somebody asks for them.
 */
export class InputBatch implements InputRecords {
  readonly batch: RecordBatch;
  readonly count: number;
  readonly #layout: Int32Array;
  readonly #keys: (string | undefined)[] = [];
  readonly #values: unknown[] = [];
  #headers: (readonly RecordHeader[])[] | undefined;
  readonly #hasHeaders: boolean;

  constructor(batch: RecordBatch) {
    this.batch = batch;
    const layout = new Int32Array(batch.count * FIELDS);
    const cursor = batch.cursor();
    let at = 0;
    let hasHeaders = false;
    while (cursor.next()) {
      layout[at + KEY_START] = cursor.keyStart;
      layout[at + KEY_END] = cursor.keyEnd;
      layout[at + VALUE_START] = cursor.valueStart;
      layout[at + VALUE_END] = cursor.valueEnd;
      layout[at + OFFSET_DELTA] = cursor.offsetDelta;
      layout[at + HEADER_COUNT] = cursor.headerCount;
      if (cursor.headerCount > 0) hasHeaders = true;
      at += FIELDS;
    }
    this.#layout = layout;
    this.#hasHeaders = hasHeaders;
    this.count = at / FIELDS;
  }

  /** Position of the first record whose offset is `offset` or later; `count` when there is none. */
  indexOf(offset: number): number {
    const delta = offset - this.batch.baseOffset;
    let index = 0;
    while (index < this.count && this.#layout[index * FIELDS + OFFSET_DELTA]! < delta) index++;
    return index;
  }

  offset(index: number): number {
    return this.batch.baseOffset + this.#layout[index * FIELDS + OFFSET_DELTA]!;
  }

  timestampMs(): number {
    return this.batch.appendedAtMs;
  }

  keyBytes(index: number): Uint8Array | null {
    const start = this.#layout[index * FIELDS + KEY_START]!;
    return start < 0 ? null : this.batch.bytes.subarray(start, this.#layout[index * FIELDS + KEY_END]);
  }

  valueBytes(index: number): Uint8Array | null {
    const start = this.#layout[index * FIELDS + VALUE_START]!;
    return start < 0 ? null : this.batch.bytes.subarray(start, this.#layout[index * FIELDS + VALUE_END]);
  }

  headers(index: number): readonly RecordHeader[] {
    if (!this.#hasHeaders) return noHeaders;
    this.#headers ??= this.#decodeHeaders();
    return this.#headers[index]!;
  }

  stringKey(index: number): string | null {
    const known = this.#keys[index];
    if (known !== undefined) return known;
    const start = this.#layout[index * FIELDS + KEY_START]!;
    if (start < 0) return null;
    const key = textOf(this.batch.bytes, start, this.#layout[index * FIELDS + KEY_END]);
    this.#keys[index] = key;
    return key;
  }

  json(index: number): unknown {
    const known = this.#values[index];
    if (known !== undefined) {
      if (known instanceof SyntaxError) throw known;
      return known;
    }
    const start = this.#layout[index * FIELDS + VALUE_START]!;
    if (start < 0) return null;
    try {
      const text = textOf(this.batch.bytes, start, this.#layout[index * FIELDS + VALUE_END]);
      return (this.#values[index] = JSON.parse(text) as unknown);
    } catch (error) {
      this.#values[index] = error;
      throw error;
    }
  }

  #decodeHeaders(): (readonly RecordHeader[])[] {
    const headers: (readonly RecordHeader[])[] = [];
    const cursor = this.batch.cursor();
    while (cursor.next()) headers.push(cursor.headerCount === 0 ? noHeaders : cursor.headers());
    return headers;
  }
}
