import type { Compression } from './compression.ts';
import type { RecordBatch } from './record-batch.ts';
import type { RecordBatchBuilder } from './record-batch-builder.ts';

/** How one topic behaves. */
export interface TopicConfig {
  /** At least 1. Can grow (`addPartitions`), never shrink. */
  readonly partitions: number;
  /** Records older than this by append time may be deleted. Default 7 days; `Infinity` keeps everything. */
  readonly retentionMs?: number;
  /** A partition's segments above this size may be deleted, oldest first. Default `Infinity`. */
  readonly retentionBytes?: number;
  /**
   * False for a topic whose records have no key: its partitions may be changed without moving a key. Default
   * true.
   */
  readonly keyed?: boolean;
  /**
   * How batches that are appended from now on are stored; those that would not become smaller stay as they
   * are. Default `none`. `LOG_UNSUPPORTED_COMPRESSION` when this machine lacks the codec.
   */
  readonly compression?: Compression;
  /**
   * What happens to old records (Kafka's `cleanup.policy`): `delete` applies the retention, `compact` keeps
   * the newest record of each key for ever, offsets as they are, and deletes a key whose newest record has no
   * value. Compacted topics are keyed and refuse records without a key (`LOG_KEY_REQUIRED`). Default
   * `delete`.
   */
  readonly cleanup?: 'delete' | 'compact';
  /**
   * How long compaction keeps a record without a value at least after it has removed what that deletes
   * (Kafka's `delete.retention.ms`): a reader from the start must come to the end within this time to see all
   * deletions. Default 24 hours.
   */
  readonly tombstoneRetentionMs?: number;
}

export interface TopicDescription extends Required<TopicConfig> {
  readonly topic: string;
}

/** One batch to append: the builder is consumed, and must not be used again. */
export interface Append {
  readonly topic: string;
  readonly partition: number;
  readonly batch: RecordBatchBuilder;
}

/** The next offset that a consumer group will read from a partition. */
export interface GroupOffset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
}

/** Records and group offsets that become durable and visible together, or not at all. */
export interface LogCommit {
  readonly appends: readonly Append[];
  readonly offsets?: readonly GroupOffset[];
}

export interface CommitReceipt {
  /** Offset of the first record of each append, in the order of `LogCommit.appends`. */
  readonly baseOffsets: readonly number[];
  /** The append time that the records carry; the latest where partitions have clocks of their own. */
  readonly appendedAtMs: number;
}

export interface PartitionRange {
  /** Offset of the first record that can still be read. */
  readonly startOffset: number;
  /** Offset that the next record will get. */
  readonly endOffset: number;
}

/**
 * A partitioned, ordered, durable log. All methods may be called at any time after `open`; calls after
 * `close` fail with `LOG_CLOSED`.
 */
export interface EventLog {
  /**
   * Creates the topic, or returns the existing one (its configuration is updated, its partitions never
   * shrink).
   */
  createTopic(topic: string, config: TopicConfig): Promise<TopicDescription>;
  /** All topics, sorted by name; internal ones begin with `__`. */
  topics(): readonly TopicDescription[];
  /** Undefined when there is no such topic. */
  describe(topic: string): TopicDescription | undefined;
  /** Grows the topic to `partitions`; durable when it resolves. Refuses a keyed topic: `LOG_KEYED_TOPIC`. */
  addPartitions(topic: string, partitions: number): Promise<TopicDescription>;
  /** Forgets all records below `offset`. */
  deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void>;

  /**
   * Resolves when everything in the commit is durable; commits become visible in the order of the calls.
   * Rejects with kind `transient` when nothing of it was stored (`LOG_BACKPRESSURE`, `LOG_DISK_FULL`): the
   * caller may try again with new builders. Rejects with `fatal` when the log can no longer promise
   * durability.
   */
  commit(commit: LogCommit): Promise<CommitReceipt>;

  /**
   * The batches that hold `offset` and those after it without a gap, at most about `bytesMax` as they are
   * stored (at least one batch); empty at the end. The first batch may begin before `offset`, and a batch may
   * have no record, where offsets hold none. `LOG_OFFSET_OUT_OF_RANGE` below the start or above the end.
   */
  read(topic: string, partition: number, options: ReadOptions): Promise<readonly RecordBatch[]>;
  range(topic: string, partition: number): PartitionRange;
  /** The first offset whose append time is at or after `timeMs`; the end offset when there is none. */
  offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number>;
  /** Undefined when the group has committed nothing for the partition. */
  committedOffset(group: string, topic: string, partition: number): number | undefined;

  /**
   * Calls the listener after each commit that became visible, with the topics it touched. Returns the
   * cancellation.
   */
  onCommit(listener: (topics: ReadonlySet<string>) => void): () => void;
  /** Makes everything durable and releases the files. Pending commits are finished first. */
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly offset: number;
  readonly bytesMax: number;
}
