import { emptyBatch, type Hole } from './batch-compaction.ts';
import type { Checksum } from './checksum.ts';
import { type BatchSummary, type RecordBatch, summaryOfHeader } from './record-batch.ts';
import type { SegmentFiles } from './segment-files.ts';
import { Segment } from './segment.ts';

const WRITE_BYTES = 1 << 20;

/** A segment that compaction writes, batch by batch; nobody reads it before it is in its place. */
export class CompactedSegment {
  readonly segment: Segment;
  readonly #files: SegmentFiles;
  readonly #checksum: Checksum;
  #hole: Hole | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(
    place: { readonly folder: string; readonly baseOffset: number; readonly generation: number },
    options: { readonly files: SegmentFiles; readonly checksum: Checksum },
  ) {
    this.segment = new Segment(place.folder, place.baseOffset, place.generation);
    this.#files = options.files;
    this.#checksum = options.checksum;
  }

  /** Takes what is left of a batch; undefined: nothing. Batches come in order. */
  async add(batch: RecordBatch, left: Uint8Array | undefined): Promise<void> {
    if (left === undefined) {
      const { lastOffset, createdAtMs, appendedAtMs } = batch;
      const baseOffset = this.#hole?.baseOffset ?? batch.baseOffset;
      this.#hole = { baseOffset, lastOffset, createdAtMs, appendedAtMs };
      return;
    }
    this.#fillHole();
    this.#append(left);
    if (this.#waitingBytes >= WRITE_BYTES) await this.#write();
  }

  /** Writes what is left to write. Nothing is synced. */
  async finish(): Promise<void> {
    this.#fillHole();
    await this.#write();
    // An earlier attempt may have left a longer file.
    await this.#files.cut(this.segment.logPath, this.segment.size);
  }

  #fillHole(): void {
    if (this.#hole === undefined) return;
    this.#append(emptyBatch(this.#hole, this.#checksum));
    this.#hole = undefined;
  }

  #append(bytes: Uint8Array): void {
    const { segment } = this;
    const { baseOffset, appendedAtMs }: BatchSummary = summaryOfHeader(bytes);
    segment.index.note({ baseOffset, position: segment.size, appendedAtMs });
    if (segment.size === 0) segment.firstAppendedAtMs = appendedAtMs;
    segment.lastAppendedAtMs = appendedAtMs;
    segment.size += bytes.length;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  async #write(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    const position = this.segment.size - bytes.length;
    await this.#files.use(this.segment.logPath, { create: true }, (file) => file.write(bytes, position));
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
