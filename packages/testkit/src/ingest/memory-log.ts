import { assert, type Clock } from '@millrace/core/base';
import {
  crc32c,
  RecordBatch,
  type CommitReceipt,
  type EventLog,
  type LogCommit,
  type PartitionRange,
  type ReadOptions,
  type TopicConfig,
  type TopicDescription,
} from '@millrace/core/log';

/** What survives when the process that has a `MemoryLog` ends. */
export class LogDisk {
  readonly topics = new Map<
    string,
    { description: TopicDescription; partitions: RecordBatch[][]; startOffsets: number[] }
  >();
  readonly offsets = new Map<string, number>();
}

interface Pending {
  readonly commit: LogCommit;
  readonly resolve: (receipt: CommitReceipt) => void;
  readonly reject: (error: unknown) => void;
}

/** An `EventLog` without files. Its commits succeed at once, or when a test says so. */
export class MemoryLog implements EventLog {
  readonly #disk: LogDisk;
  readonly #clock: Clock;
  readonly #listeners = new Set<(topics: ReadonlySet<string>) => void>();
  #pending: Pending[] = [];
  #isHeld = false;
  #isDead = false;

  constructor(clock: Clock, disk = new LogDisk()) {
    this.#clock = clock;
    this.#disk = disk;
  }

  /** Commits that wait. */
  get pending(): number {
    return this.#pending.length;
  }

  /** From now on commits wait for `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  /**
   * Completes the oldest waiting commits, all by default; with an error they fail and nothing of them is
   * stored.
   */
  release(count = this.#pending.length, error?: unknown): void {
    for (const pending of this.#pending.splice(0, count)) {
      if (error === undefined) pending.resolve(this.#store(pending.commit));
      else pending.reject(error);
    }
  }

  /** Lets commits through again, the waiting ones first. */
  unhold(): void {
    this.#isHeld = false;
    this.release();
  }

  /** The process ends: of the waiting commits the first `stored` become durable, and nobody is told. */
  kill(stored = 0): void {
    for (const { commit } of this.#pending.splice(0).slice(0, stored)) this.#store(commit);
    this.#isDead = true;
  }

  async createTopic(topic: string, config: TopicConfig): Promise<TopicDescription> {
    const known = this.#disk.topics.get(topic);
    const partitions = Math.max(config.partitions, known?.description.partitions ?? 0);
    const description: TopicDescription = {
      topic,
      partitions,
      retentionMs: config.retentionMs ?? Infinity,
      retentionBytes: config.retentionBytes ?? Infinity,
      keyed: config.keyed ?? true,
      compression: 'none',
      cleanup: 'delete',
      tombstoneRetentionMs: Infinity,
    };
    const stored = known ?? { description, partitions: [], startOffsets: [] };
    stored.description = description;
    while (stored.partitions.length < partitions) {
      stored.partitions.push([]);
      stored.startOffsets.push(0);
    }
    this.#disk.topics.set(topic, stored);
    return description;
  }

  topics(): readonly TopicDescription[] {
    const descriptions = [...this.#disk.topics.values()].map(({ description }) => description);
    return descriptions.toSorted((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  describe(topic: string): TopicDescription | undefined {
    return this.#disk.topics.get(topic)?.description;
  }

  addPartitions(topic: string, partitions: number): Promise<TopicDescription> {
    return this.createTopic(topic, { ...this.describe(topic)!, partitions });
  }

  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    const { partitions, startOffsets } = this.#topic(topic);
    startOffsets[partition] = offset;
    partitions[partition] = partitions[partition]!.filter((batch) => batch.lastOffset >= offset);
  }

  commit(commit: LogCommit): Promise<CommitReceipt> {
    if (this.#isDead) return new Promise(() => {});
    if (!this.#isHeld) return Promise.resolve(this.#store(commit));
    return new Promise((resolve, reject) => this.#pending.push({ commit, resolve, reject }));
  }

  async read(topic: string, partition: number, options: ReadOptions): Promise<readonly RecordBatch[]> {
    const batches = this.#topic(topic).partitions[partition]!.filter(
      (batch) => batch.lastOffset >= options.offset,
    );
    let bytes = 0;
    return batches.filter((batch, i) => i === 0 || (bytes += batch.bytes.length) <= options.bytesMax);
  }

  range(topic: string, partition: number): PartitionRange {
    const { partitions, startOffsets } = this.#topic(topic);
    const startOffset = startOffsets[partition]!;
    const last = partitions[partition]!.at(-1);
    return { startOffset, endOffset: last === undefined ? startOffset : last.lastOffset + 1 };
  }

  async offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    const batch = this.#topic(topic).partitions[partition]!.find(
      ({ appendedAtMs }) => appendedAtMs >= timeMs,
    );
    const { startOffset, endOffset } = this.range(topic, partition);
    return batch === undefined ? endOffset : Math.max(startOffset, batch.baseOffset);
  }

  committedOffset(group: string, topic: string, partition: number): number | undefined {
    return this.#disk.offsets.get(`${group} ${topic} ${partition}`);
  }

  onCommit(listener: (topics: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.unhold();
  }

  #topic(topic: string) {
    const stored = this.#disk.topics.get(topic);
    assert(stored !== undefined, `the test's log has no topic '${topic}'`);
    return stored;
  }

  #store(commit: LogCommit): CommitReceipt {
    const appendedAtMs = this.#clock.nowMs();
    const baseOffsets = commit.appends.map(({ topic, partition, batch }) => {
      const baseOffset = this.range(topic, partition).endOffset;
      const bytes = batch.seal({ baseOffset, appendedAtMs, checksum: crc32c });
      this.#topic(topic).partitions[partition]!.push(RecordBatch.decode(bytes));
      return baseOffset;
    });
    for (const { group, topic, partition, nextOffset } of commit.offsets ?? []) {
      this.#disk.offsets.set(`${group} ${topic} ${partition}`, nextOffset);
    }
    const touched = new Set(commit.appends.map(({ topic }) => topic));
    for (const listener of this.#listeners) listener(touched);
    return { baseOffsets, appendedAtMs };
  }
}
