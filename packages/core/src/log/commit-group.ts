import type { Compression } from './compression.ts';
import { FrameBuilder } from './journal-frame.ts';
import { encodeDescription, type GroupPosition } from './log-state.ts';
import type { PartitionLog, Replacement } from './partition-log.ts';
import type { CommitReceipt, TopicDescription } from './port.ts';
import type { RecordBatchBuilder } from './record-batch-builder.ts';
import type { RecordBatch } from './record-batch.ts';
import type { Segment } from './segment.ts';

/** What becomes durable and visible together. */
export interface CommitRequest {
  readonly appends: readonly {
    readonly partition: PartitionLog;
    readonly batch: RecordBatchBuilder;
    readonly compression: Compression;
  }[];
  readonly offsets: readonly GroupPosition[];
  readonly topics: readonly { readonly id: number; readonly description: TopicDescription }[];
  /** Segments that compaction has written, and what they stand for. */
  readonly replacements: readonly SegmentReplacement[];
  /** New first offsets of partitions. */
  readonly starts: readonly { readonly partition: PartitionLog; readonly offset: number }[];
}

/** A compacted segment that takes its place. */
export interface SegmentReplacement extends Replacement {
  readonly partition: PartitionLog;
  readonly segment: Segment;
}

export const emptyRequest: CommitRequest = {
  appends: [],
  offsets: [],
  topics: [],
  starts: [],
  replacements: [],
};

/** A batch that has its place, on its way to the disk. */
export interface PendingAppend {
  readonly partition: PartitionLog;
  readonly batch: RecordBatch;
  readonly segmentBase: number;
  readonly position: number;
  /** Written to its segment at once, instead of into the journal first. */
  readonly isInPlace: boolean;
}

export interface CommitWaiter {
  readonly receipt: CommitReceipt;
  readonly startMs: number;
  readonly resolve: (receipt: CommitReceipt) => void;
  readonly reject: (error: Error) => void;
}

/** Commits that become durable by one sync, as one frame. */
export class CommitGroup {
  readonly frame: FrameBuilder;
  readonly appends: PendingAppend[] = [];
  readonly inPlace: PendingAppend[] = [];
  readonly offsets: GroupPosition[] = [];
  readonly topics: CommitRequest['topics'][number][] = [];
  readonly starts: CommitRequest['starts'][number][] = [];
  readonly replacements: SegmentReplacement[] = [];
  readonly waiters: CommitWaiter[] = [];
  /** Encoded batches and all else that waits in memory. */
  bytes = 0;

  constructor(frame = new FrameBuilder()) {
    this.frame = frame;
  }

  addAppend(append: PendingAppend): void {
    const { partition, batch, segmentBase, position } = append;
    const place = { topicId: partition.topicId, partition: partition.partition, segmentBase, position };
    this.appends.push(append);
    this.bytes += batch.memoryBytes;
    if (append.isInPlace) {
      this.inPlace.push(append);
      this.frame.addAppendInPlace(place, batch.storedBytes);
    } else {
      this.frame.addAppend(place, batch.storedBytes);
    }
  }

  addMetadata(request: CommitRequest): void {
    for (const offset of request.offsets) {
      this.offsets.push(offset);
      this.frame.addGroupOffset(offset);
    }
    for (const topic of request.topics) {
      this.topics.push(topic);
      const { id, description } = topic;
      this.frame.addTopic({ topicId: id, topic: description.topic, config: encodeDescription(description) });
    }
    for (const replacement of request.replacements) {
      this.replacements.push(replacement);
      const { untilOffset, compactedTo, segment } = replacement;
      const { topicId, partition } = replacement.partition;
      this.frame.addReplacement({ topicId, partition, untilOffset, compactedTo, ...segment.summary() });
    }
    for (const start of request.starts) {
      this.starts.push(start);
      start.partition.assignStart(start.offset);
      const { topicId, partition } = start.partition;
      this.frame.addStartOffset({ topicId, partition, startOffset: start.offset });
    }
  }
}
