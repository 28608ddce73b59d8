import { assert } from '../base/index.ts';
import { BatchQueue } from './batch-queue.ts';
import type { BatchSummary, RecordBatch } from './record-batch.ts';
import { Segment, type SegmentSummary } from './segment.ts';

/** Where the next batch of a partition goes. */
interface Tail {
  nextOffset: number;
  segmentBase: number;
  position: number;
  /** Append time of the segment's first batch; -1 while it has none. */
  startedAtMs: number;
}

export interface BatchAssignment {
  readonly baseOffset: number;
  readonly segmentBase: number;
  readonly position: number;
}

/** A durable batch that its segment does not hold yet. */
export interface UnwrittenBatch {
  readonly segment: Segment;
  readonly position: number;
  readonly batch: RecordBatch;
}

export interface RollPolicy {
  readonly segmentBytes: number;
  readonly segmentMs: number;
}

export interface PartitionSummary {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly segments: readonly SegmentSummary[];
  /** Absent in checkpoints of format 1. */
  readonly compactedTo?: number;
}

/** What a compacted segment stands for. */
export interface Replacement {
  /** The offset after the last one that it stands for. */
  readonly untilOffset: number;
  /** How far compaction has come when the segment is in its place. */
  readonly compactedTo: number;
}

/**
 * One partition in memory: which segments it has, what is visible, what is still on its way to the segment
 * files. Batches get their place when they are handed in (`assign`) and become visible when they are durable
 * (`append`); in between, a failed commit takes the places back (`revoke`).
 */
export class PartitionLog {
  readonly topic: string;
  readonly topicId: number;
  readonly partition: number;
  readonly folder: string;
  startOffset = 0;
  endOffset = 0;
  /** Below this offset no key has a value but its newest below this offset. */
  compactedTo = 0;
  /** In order; may be empty when everything was deleted. */
  segments: Segment[] = [];
  /** The newest visible batches, without a gap up to the end. */
  readonly recent = new BatchQueue<RecordBatch>();
  readonly unwritten: UnwrittenBatch[] = [];
  #tail: Tail = { nextOffset: 0, segmentBase: 0, position: 0, startedAtMs: -1 };
  #mustRoll = false;

  constructor(options: { topic: string; topicId: number; partition: number; segmentsFolder: string }) {
    this.topic = options.topic;
    this.topicId = options.topicId;
    this.partition = options.partition;
    this.folder = `${options.segmentsFolder}/${options.topic}-${options.partition}`;
  }

  restore(summary: PartitionSummary): void {
    this.startOffset = summary.startOffset;
    this.endOffset = summary.endOffset;
    this.compactedTo = summary.compactedTo ?? 0;
    this.segments = summary.segments.map((segment) => Segment.restore(this.folder, segment));
    this.revoke();
  }

  summary(): PartitionSummary {
    const { startOffset, endOffset, compactedTo } = this;
    const segments = this.segments.map((segment) => segment.summary());
    return { startOffset, endOffset, segments, compactedTo };
  }

  /** Gives a batch its offset and its place. */
  assign(
    batch: { byteLength: number; count: number; appendedAtMs: number },
    policy: RollPolicy,
  ): BatchAssignment {
    const tail = this.#tail;
    const isFull = tail.position + batch.byteLength > policy.segmentBytes;
    const isOld = tail.startedAtMs >= 0 && batch.appendedAtMs - tail.startedAtMs >= policy.segmentMs;
    if (tail.position > 0 && (isFull || isOld || this.#mustRoll)) {
      tail.segmentBase = tail.nextOffset;
      tail.position = 0;
    }
    this.#mustRoll = false;
    if (tail.position === 0) tail.startedAtMs = batch.appendedAtMs;
    const assignment = {
      baseOffset: tail.nextOffset,
      segmentBase: tail.segmentBase,
      position: tail.position,
    };
    tail.nextOffset += batch.count;
    tail.position += batch.byteLength;
    return assignment;
  }

  /** Takes back all places that were assigned but did not become visible. */
  revoke(): void {
    const last = this.segments.at(-1);
    this.#tail = {
      nextOffset: this.endOffset,
      segmentBase: last?.baseOffset ?? this.endOffset,
      position: last?.size ?? 0,
      startedAtMs: last?.firstAppendedAtMs ?? -1,
    };
  }

  /** A durable batch becomes visible. Returns its segment. */
  append(batch: BatchSummary, place: { readonly segmentBase: number; readonly position: number }): Segment {
    const { baseOffset, appendedAtMs } = batch;
    const { position } = place;
    assert(baseOffset === this.endOffset, `${this.folder}: offset ${baseOffset} after ${this.endOffset}`);
    let segment = this.segments.at(-1);
    if (segment === undefined || segment.baseOffset !== place.segmentBase) {
      segment = new Segment(this.folder, place.segmentBase);
      segment.firstAppendedAtMs = appendedAtMs;
      this.segments.push(segment);
    }
    assert(segment.size === position, `${this.folder}: position ${position} after ${segment.size}`);
    segment.index.note({ baseOffset, position, appendedAtMs });
    segment.size += batch.byteLength;
    segment.lastAppendedAtMs = appendedAtMs;
    this.endOffset = batch.lastOffset + 1;
    return segment;
  }

  /**
   * Announces that the start will be raised to `offset`. When that leaves no record, batches assigned from
   * now on go into a new segment, so that the last one can be removed.
   */
  assignStart(offset: number): void {
    if (offset >= this.#tail.nextOffset) this.#mustRoll = true;
  }

  /** Forgets what lies below `offset`; returns the segments that hold nothing else. */
  raiseStart(offset: number): Segment[] {
    this.startOffset = Math.max(this.startOffset, offset);
    const kept = this.segments.findIndex((_, i) => this.endOfSegment(i) > this.startOffset);
    const removed = this.segments.splice(0, kept < 0 ? this.segments.length : kept);
    for (const segment of removed) segment.isRemoved = true;
    return removed;
  }

  /**
   * Puts a compacted segment in the place of those that it stands for; returns the segments that are not
   * needed any more: those, or the new one where deletion was quicker.
   */
  replace(segment: Segment, { untilOffset, compactedTo }: Replacement): Segment[] {
    this.compactedTo = Math.max(this.compactedTo, compactedTo);
    const first = this.segments.findIndex(({ baseOffset }) => baseOffset >= segment.baseOffset);
    const after = this.segments.findIndex(({ baseOffset }) => baseOffset >= untilOffset);
    assert(first < 0 || after >= 0, `${this.folder}: the last segment is not compacted`);
    const removed = first < after ? this.segments.splice(first, after - first, segment) : [segment];
    for (const old of removed) old.isRemoved = true;
    return removed;
  }

  /** The offset after the last record of the segment with this position in the list. */
  endOfSegment(i: number): number {
    return this.segments[i + 1]?.baseOffset ?? this.endOffset;
  }

  /** The position in the list of the segment that holds `offset`; -1 when none does. */
  segmentOf(offset: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle]!.baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return offset < this.endOffset ? low - 1 : -1;
  }

  /**
   * Bytes of the segment that its file holds; behind them it may have remains of what was never acknowledged.
   */
  writtenEnd(segment: Segment): number {
    const first = this.unwritten[0];
    return first?.segment === segment ? first.position : segment.size;
  }

  /**
   * The first offset whose append time is at or after `timeMs`; undefined when it may lie before the memory.
   */
  recentOffsetAtTime(timeMs: number): number | undefined {
    const { recent } = this;
    if (recent.length === 0 || recent.at(0).appendedAtMs >= timeMs) return undefined;
    for (let i = 1; i < recent.length; i++)
      if (recent.at(i).appendedAtMs >= timeMs) return recent.at(i).baseOffset;
    return this.endOffset;
  }

  /** The batches in memory from the one that holds `offset` on; undefined when that one is not in memory. */
  recentFrom(offset: number, bytesMax: number): RecordBatch[] | undefined {
    const { recent } = this;
    if (recent.length === 0 || offset < recent.at(0).baseOffset) return undefined;
    let low = 0;
    let high = recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (recent.at(middle).lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    const batches: RecordBatch[] = [];
    let bytes = 0;
    for (let i = low; i < recent.length; i++) {
      const batch = recent.at(i);
      bytes += batch.byteLength;
      if (batches.length > 0 && bytes > bytesMax) break;
      batches.push(batch);
    }
    return batches;
  }
}
