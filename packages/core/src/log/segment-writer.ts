import { type Gauge, type Meter } from '../base/index.ts';
import type { PartitionLog, UnwrittenBatch } from './partition-log.ts';
import type { RecordBatch } from './record-batch.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { Segment } from './segment.ts';

/** One write of the operating system takes at most about this much. */
const WRITE_BYTES_MAX = 1 << 20;

/**
 * Brings durable batches from memory into their segments. What it writes is not synced until `sync`; until
 * then the journal can write it again.
 */
export class SegmentWriter {
  readonly #files: SegmentFiles;
  readonly #waiting = new Set<PartitionLog>();
  readonly #dirty = new Map<Segment, number>();
  readonly #dirtyGauge: Gauge;
  #unwrittenBytes = 0;
  #dirtyBytes = 0;
  #running: Promise<void> | undefined;
  #slab: Uint8Array | undefined;

  constructor(files: SegmentFiles, meter: Meter) {
    this.#files = files;
    this.#dirtyGauge = meter.gauge('log_dirty_bytes', 'Bytes in segments that no checkpoint has synced yet.');
  }

  /** Bytes of durable batches that are in memory only, beside the journal. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  add(partition: PartitionLog, unwritten: UnwrittenBatch): void {
    partition.unwritten.push(unwritten);
    this.#waiting.add(partition);
    this.#unwrittenBytes += unwritten.batch.memoryBytes;
  }

  /** A batch that was written in place: its segment must be synced once more for what lies before it. */
  noteWritten(segment: Segment, bytes: number): void {
    this.#dirty.set(segment, (this.#dirty.get(segment) ?? 0) + bytes);
    this.#dirtyBytes += bytes;
    this.#dirtyGauge.set(this.#dirtyBytes);
  }

  /** Writes everything that waits; calls during a run join it and then run again for what came later. */
  async write(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#waiting.size === 0) return;
    this.#running = this.#writeAll().finally(() => (this.#running = undefined));
    await this.#running;
  }

  /** Syncs all segments that were written since the last time. Call after `write`. */
  async sync(): Promise<void> {
    const dirty = [...this.#dirty.keys()];
    for (const segment of dirty) {
      const bytes = this.#dirty.get(segment);
      if (bytes === undefined) continue;
      this.#dirty.delete(segment);
      if (!segment.isRemoved) await this.#syncSegment(segment);
      this.#dirtyBytes -= bytes;
      this.#dirtyGauge.set(this.#dirtyBytes);
    }
    await this.#files.syncFolders();
  }

  async #syncSegment(segment: Segment): Promise<void> {
    try {
      await this.#files.sync(segment.logPath);
    } catch (error) {
      // Retention may remove a file while it is on its way here.
      if (!segment.isRemoved) throw error;
    }
  }

  async #writeAll(): Promise<void> {
    for (const partition of this.#waiting) {
      while (partition.unwritten.length > 0) await this.#writeRun(partition);
      this.#waiting.delete(partition);
    }
  }

  /** Writes the first batches of a partition that lie side by side, at once. */
  async #writeRun(partition: PartitionLog): Promise<void> {
    const { segment, position } = partition.unwritten[0]!;
    let bytes = 0;
    let count = 0;
    for (const next of partition.unwritten) {
      const length = next.batch.byteLength;
      if (next.segment !== segment || next.position !== position + bytes) break;
      if (count > 0 && bytes + length > WRITE_BYTES_MAX) break;
      bytes += length;
      count++;
    }
    const run = partition.unwritten.slice(0, count);
    // A segment that retention has removed in the meantime needs no contents.
    if (!segment.isRemoved) {
      const source =
        count === 1
          ? run[0]!.batch.storedBytes
          : this.#gather(
              run.map(({ batch }) => batch),
              bytes,
            );
      await this.#files.use(segment.logPath, { create: true }, (file) => file.write(source, position));
      this.noteWritten(segment, bytes);
    }
    partition.unwritten.splice(0, count);
    for (const { batch } of run) this.#unwrittenBytes -= batch.memoryBytes;
  }

  #gather(batches: readonly RecordBatch[], bytes: number): Uint8Array {
    this.#slab ??= Buffer.allocUnsafeSlow(WRITE_BYTES_MAX);
    let position = 0;
    for (const batch of batches) {
      this.#slab.set(batch.storedBytes, position);
      position += batch.byteLength;
    }
    return this.#slab.subarray(0, bytes);
  }
}
