import type { RecordHeader } from '../log/index.ts';

/** Records for one partition, in order. */
export class CollectedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly keys: (Uint8Array | null)[] = [];
  readonly values: (Uint8Array | null)[] = [];
  readonly headers: (readonly RecordHeader[])[] = [];
  bytes = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  add(key: Uint8Array | null, value: Uint8Array | null, headers: readonly RecordHeader[]): void {
    this.keys.push(key);
    this.values.push(value);
    this.headers.push(headers);
    this.bytes += (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD;
  }
}

const RECORD_OVERHEAD = 16;

/**
 * What a task has written since its last commit, kept until the log has it, so that a commit can be tried
 * again.
 */
export class RecordCollector {
  #byTopic = new Map<string, CollectedPartition[]>();
  #all: CollectedPartition[] = [];
  /** Size of what is collected. */
  bytes = 0;
  /** Counts every record, so that a task can tell whether an input record has written anything yet. */
  writes = 0;

  #partition(topic: string, partition: number): CollectedPartition {
    let partitions = this.#byTopic.get(topic);
    if (partitions === undefined) {
      partitions = [];
      this.#byTopic.set(topic, partitions);
    }
    let collected = partitions[partition];
    if (collected === undefined) {
      collected = new CollectedPartition(topic, partition);
      partitions[partition] = collected;
      this.#all.push(collected);
    }
    return collected;
  }

  // oxlint-disable-next-line max-params -- called once a record: positional, so that no object is made
  add(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly RecordHeader[],
  ): void {
    const collected = this.#partition(topic, partition);
    const before = collected.bytes;
    collected.add(key, value, headers);
    this.bytes += collected.bytes - before;
    this.writes++;
  }

  /** Gives away everything collected so far and begins anew. */
  take(): readonly CollectedPartition[] {
    const all = this.#all;
    this.#byTopic = new Map();
    this.#all = [];
    this.bytes = 0;
    return all;
  }
}
