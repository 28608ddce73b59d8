import { readInt32, readInt64, readUint32, writeInt32, writeInt64 } from './bytes.ts';
import type { Checksum } from './checksum.ts';

/** One place that the index knows: the batch that begins at `position`. */
export interface IndexEntry {
  readonly baseOffset: number;
  readonly position: number;
  readonly appendedAtMs: number;
}

/** Walking over this much to find a batch is cheaper than the read of the disk that brought it. */
const INTERVAL_BYTES = 16 << 10;

const CRC_BYTES = 4;
const ENTRY_BYTES = 16;

/**
 * Where batches lie in one segment, one entry for about every 16 KiB. In its file, big-endian:
 *
 * ```
 * crc uint32                CRC-32C of the entries
 * entries, each 16 bytes    base offset less the segment's int32 | position int32 | append time int64
 * ```
 */
export class SegmentIndex {
  readonly #baseOffset: number;
  #relativeOffsets = new Int32Array(16);
  #positions = new Int32Array(16);
  #times = new Float64Array(16);
  #count = 0;

  constructor(baseOffset: number) {
    this.#baseOffset = baseOffset;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Takes note of a batch when it lies far enough behind the last one that was noted. In the order of
   * positions.
   */
  note(batch: IndexEntry): void {
    const next = this.#count === 0 ? 0 : this.#positions[this.#count - 1]! + INTERVAL_BYTES;
    if (batch.position >= next) this.#insert(this.#count, batch);
  }

  /** Takes note of a batch wherever it lies. */
  insert(batch: IndexEntry): void {
    const i = this.#countWhile((at) => this.#positions[at]! < batch.position);
    if (i === this.#count || this.#positions[i] !== batch.position) this.#insert(i, batch);
  }

  /**
   * The last entry at or before the batch that holds `offset`, from which to walk forwards; undefined: from
   * the start.
   */
  before(offset: number): IndexEntry | undefined {
    const relative = offset - this.#baseOffset;
    return this.#entry(this.#countWhile((at) => this.#relativeOffsets[at]! <= relative) - 1);
  }

  /**
   * The last entry before the first batch that was appended at or after `timeMs`; undefined: from the start.
   */
  beforeTime(timeMs: number): IndexEntry | undefined {
    return this.#entry(this.#countWhile((at) => this.#times[at]! < timeMs) - 1);
  }

  last(): IndexEntry | undefined {
    return this.#entry(this.#count - 1);
  }

  /** Drops the entries of batches that begin at or after `position`. */
  truncate(position: number): void {
    this.#count = this.#countWhile((at) => this.#positions[at]! < position);
  }

  /** Puts the entries of `earlier`, which all lie before the own ones, in front. */
  prepend(earlier: SegmentIndex): void {
    for (let i = 0; i < earlier.#count; i++) this.#insert(i, earlier.#entry(i)!);
  }

  clear(): void {
    this.#count = 0;
    this.#allocate(16);
  }

  encode(checksum: Checksum): Uint8Array {
    const bytes = new Uint8Array(CRC_BYTES + this.#count * ENTRY_BYTES);
    for (let i = 0; i < this.#count; i++) {
      const at = CRC_BYTES + i * ENTRY_BYTES;
      writeInt32(bytes, at, this.#relativeOffsets[i]!);
      writeInt32(bytes, at + 4, this.#positions[i]!);
      writeInt64(bytes, at + 8, this.#times[i]!);
    }
    writeInt32(bytes, 0, checksum(bytes.subarray(CRC_BYTES)));
    return bytes;
  }

  /** Undefined when the bytes are damaged: then the segment itself is read. */
  static decode(baseOffset: number, bytes: Uint8Array, checksum: Checksum): SegmentIndex | undefined {
    if (bytes.length < CRC_BYTES || (bytes.length - CRC_BYTES) % ENTRY_BYTES !== 0) return undefined;
    if (checksum(bytes.subarray(CRC_BYTES)) !== readUint32(bytes, 0)) return undefined;
    const index = new SegmentIndex(baseOffset);
    for (let at = CRC_BYTES; at < bytes.length; at += ENTRY_BYTES) {
      index.#insert(index.#count, {
        baseOffset: baseOffset + readInt32(bytes, at),
        position: readInt32(bytes, at + 4),
        appendedAtMs: readInt64(bytes, at + 8),
      });
    }
    return index;
  }

  #entry(i: number): IndexEntry | undefined {
    if (i < 0) return undefined;
    return {
      baseOffset: this.#baseOffset + this.#relativeOffsets[i]!,
      position: this.#positions[i]!,
      appendedAtMs: this.#times[i]!,
    };
  }

  #insert(at: number, batch: IndexEntry): void {
    if (this.#count === this.#positions.length) this.#allocate(this.#count * 2);
    if (at < this.#count) {
      this.#relativeOffsets.copyWithin(at + 1, at, this.#count);
      this.#positions.copyWithin(at + 1, at, this.#count);
      this.#times.copyWithin(at + 1, at, this.#count);
    }
    this.#relativeOffsets[at] = batch.baseOffset - this.#baseOffset;
    this.#positions[at] = batch.position;
    this.#times[at] = batch.appendedAtMs;
    this.#count++;
  }

  #allocate(capacity: number): void {
    const relativeOffsets = new Int32Array(capacity);
    const positions = new Int32Array(capacity);
    const times = new Float64Array(capacity);
    relativeOffsets.set(this.#relativeOffsets.subarray(0, this.#count));
    positions.set(this.#positions.subarray(0, this.#count));
    times.set(this.#times.subarray(0, this.#count));
    this.#relativeOffsets = relativeOffsets;
    this.#positions = positions;
    this.#times = times;
  }

  /** How many entries from the first on fulfil a condition that holds for a prefix of them. */
  #countWhile(holds: (at: number) => boolean): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
