import type { Gauge, Meter } from '../base/index.ts';
import { BatchQueue } from './batch-queue.ts';
import type { PartitionLog } from './partition-log.ts';
import type { RecordBatch } from './record-batch.ts';

/**
 * The newest batches of all partitions in memory, so that readers near the end need no disk. The oldest leave
 * when there are too many bytes, but none leaves before its segment holds it.
 */
export class RecentBatches {
  readonly #bytesMax: number;
  readonly #gauge: Gauge;
  readonly #order = new BatchQueue<PartitionLog>();
  #bytes = 0;

  constructor(bytesMax: number, meter: Meter) {
    this.#bytesMax = bytesMax;
    this.#gauge = meter.gauge('log_recent_bytes', 'Bytes of recent batches that are kept in memory.');
  }

  add(partition: PartitionLog, batch: RecordBatch): void {
    partition.recent.push(batch);
    this.#order.push(partition);
    this.#bytes += heldBytes(batch);
  }

  /** Drops what is too much. Call after adding, and after segments were written. */
  trim(): void {
    while (this.#bytes > this.#bytesMax && this.#order.length > 0) {
      const partition = this.#order.at(0);
      const oldest = partition.recent.at(0);
      const unwritten = partition.unwritten[0];
      if (unwritten !== undefined && unwritten.batch.baseOffset <= oldest.baseOffset) break;
      this.#order.shift();
      partition.recent.shift();
      this.#bytes -= heldBytes(oldest);
    }
    this.#gauge.set(this.#bytes);
  }
}

/** The slab of a batch may be larger than the batch; a compressed one is there uncompressed, too. */
function heldBytes(batch: RecordBatch): number {
  return batch.storedBytes.buffer.byteLength + batch.memoryBytes - batch.byteLength;
}
