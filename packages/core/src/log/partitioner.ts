import { murmur2 } from './murmur2.ts';

/** The partition that Kafka's default partitioner gives to a record with this key. */
export function partitionFor(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/**
 * Chooses partitions for batches of records without a key, in turn: records of one batch stay together, as
 * with Kafka's sticky partitioner.
 */
export class StickyPartitioner {
  #next = 0;

  next(partitions: number): number {
    const partition = this.#next % partitions;
    this.#next = partition + 1;
    return partition;
  }
}
