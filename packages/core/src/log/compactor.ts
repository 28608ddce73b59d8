import { type Clock, isMillraceError, type Logger, messageOf } from '../base/index.ts';
import { filterBatch } from './batch-compaction.ts';
import type { Checksum } from './checksum.ts';
import { type CommitRequest, emptyRequest } from './commit-group.ts';
import { CompactedSegment } from './compacted-segment.ts';
import type { CompressionCodecs } from './compression.ts';
import { logError } from './errors.ts';
import type { IndexStore } from './index-store.ts';
import { keyOf, LatestOffsets } from './latest-offsets.ts';
import type { LogState } from './log-state.ts';
import type { PartitionLog } from './partition-log.ts';
import type { TopicDescription } from './port.ts';
import type { RecordBatch } from './record-batch.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { SegmentReader } from './segment-reader.ts';
import type { Segment } from './segment.ts';

const READ_BYTES = 256 << 10;
/** An index holds offsets relative to its segment's in 32 bits, a batch those relative to its own. */
const OFFSETS_MAX = 2 ** 31 - 1;

export interface CompactorOptions {
  readonly state: LogState;
  readonly segmentFiles: SegmentFiles;
  readonly reader: SegmentReader;
  readonly indexes: IndexStore;
  readonly checksum: Checksum;
  readonly codecs: CompressionCodecs;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Memory for the keys of one pass. */
  readonly keyBytesMax: number;
  /** Segments are merged up to this size. */
  readonly segmentBytes: number;
  readonly submit: (request: CommitRequest) => Promise<unknown>;
  readonly onFailure: (error: Error) => void;
}

/** A closed segment and where it ends. */
interface ClosedSegment {
  readonly segment: Segment;
  readonly endOffset: number;
}

/** One pass over one partition. */
interface Pass {
  readonly partition: PartitionLog;
  readonly topic: TopicDescription;
  readonly latest: LatestOffsets;
  /** What was compacted before the pass. */
  readonly compactedTo: number;
  /** What will be: `latest` knows the keys of everything in between. */
  readonly to: number;
  readonly nowMs: number;
}

/**
 * Keeps the newest value of each key in the closed segments of compacted topics. A pass notes the newest
 * offset of each key in what was not compacted yet, as far as there is memory, and writes all segments up to
 * there anew, oldest first. Each is synced before one commit puts it in the place of the old one; the old
 * file is removed then. So a crash leaves either, and a file that nobody knows is removed at the next start.
 */
export class Compactor {
  readonly #options: CompactorOptions;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Compacts the partitions for which it is time; a call during a run joins it. */
  async run(): Promise<void> {
    this.#running ??= this.#runAll().finally(() => (this.#running = undefined));
    await this.#running;
  }

  /** Ends a run after the batch that it is at. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #runAll(): Promise<void> {
    const { state, logger } = this.#options;
    for (const { description, partitions } of state.topics()) {
      if (description.cleanup !== 'compact') continue;
      for (const partition of partitions) {
        if (this.#isStopped) return;
        const closed = closedSegments(partition);
        if (!isDue(partition, closed)) continue;
        try {
          await this.#compact(partition, description, closed);
        } catch (error) {
          // Deletion may have removed what was being read; anything else is tried again at the next time.
          if (this.#isStopped || closed.some(({ segment }) => segment.isRemoved)) continue;
          const { folder } = partition;
          logger.warn('A partition could not be compacted', { folder, cause: messageOf(error) });
        }
      }
    }
  }

  async #compact(
    partition: PartitionLog,
    topic: TopicDescription,
    closed: readonly ClosedSegment[],
  ): Promise<void> {
    const { compactedTo } = partition;
    const latest = new LatestOffsets(this.#options.keyBytesMax);
    const to = await this.#noteKeys(partition, closed, latest);
    const nowMs = this.#options.clock.nowMs();
    const pass = { partition, topic, latest, compactedTo, to, nowMs };
    for (const group of groupsOf(closed, pass, this.#options.segmentBytes)) {
      await this.#rewrite(group, pass);
      if (this.#isStopped) return;
    }
  }

  /** Notes the keys of what is not compacted; returns the offset up to which there was room. */
  async #noteKeys(
    partition: PartitionLog,
    closed: readonly ClosedSegment[],
    latest: LatestOffsets,
  ): Promise<number> {
    const from = Math.max(partition.compactedTo, partition.startOffset);
    for (const each of closed) {
      for await (const batch of this.#batches(partition, each, from)) {
        const cursor = batch.cursor();
        while (cursor.next()) {
          const offset = batch.baseOffset + cursor.offsetDelta;
          const key = offset < from ? undefined : keyOf(cursor);
          if (key !== undefined && !latest.note(key, offset)) return offset;
        }
      }
    }
    return closed.at(-1)!.endOffset;
  }

  /** Writes the segments of a group as one, unless that would change nothing. */
  async #rewrite(group: readonly ClosedSegment[], pass: Pass): Promise<void> {
    const { segmentFiles: files, checksum, clock, submit, indexes } = this.#options;
    const { partition, to } = pass;
    const { baseOffset } = group[0]!.segment;
    const untilOffset = group.at(-1)!.endOffset;
    const generation = Math.max(...group.map(({ segment }) => segment.generation)) + 1;
    const written = new CompactedSegment(
      { folder: partition.folder, baseOffset, generation },
      { files, checksum },
    );
    const { segment } = written;
    const before = group.reduce((size, each) => size + each.segment.size, 0);
    try {
      for (const each of group) await this.#copy(each, pass, written);
      await written.finish();
    } catch (error) {
      await this.#discard(segment);
      throw error;
    }
    const wasClean = group.every((each) => each.segment.cleanedAtMs >= 0);
    const isLast = untilOffset >= to;
    if (group.length === 1 && segment.size === before && wasClean && !isLast) return this.#discard(segment);
    const cleanedAtMs = wasClean ? Math.max(...group.map((each) => each.segment.cleanedAtMs)) : clock.nowMs();
    segment.cleanedAtMs = untilOffset <= to ? cleanedAtMs : -1;
    await this.#sync(segment);
    const compactedTo = isLast ? to : pass.compactedTo;
    try {
      await submit({ ...emptyRequest, replacements: [{ partition, segment, untilOffset, compactedTo }] });
    } catch (error) {
      // Of any other failure it is not known whether the commit is durable: then the file is needed.
      if (isMillraceError(error) && error.kind === 'transient') await this.#discard(segment);
      throw error;
    }
    await indexes.store(segment);
    indexes.touch(segment);
  }

  async #copy(each: ClosedSegment, pass: Pass, written: CompactedSegment): Promise<void> {
    const { partition, latest, compactedTo, to } = pass;
    const canLoseTombstones = isSettled(each, pass);
    for await (const batch of this.#batches(partition, each, each.segment.baseOffset)) {
      const keeps = (cursor: ReturnType<RecordBatch['cursor']>) => {
        const offset = batch.baseOffset + cursor.offsetDelta;
        if (offset < partition.startOffset) return false;
        if (offset >= to) return true;
        const key = keyOf(cursor);
        if (key === undefined) return true;
        if (latest.isSuperseded(key, offset)) return false;
        return cursor.valueStart >= 0 || !canLoseTombstones || offset >= compactedTo;
      };
      await written.add(batch, filterBatch(batch, keeps, this.#options));
    }
  }

  async *#batches(
    partition: PartitionLog,
    { segment, endOffset }: ClosedSegment,
    from: number,
  ): AsyncGenerator<RecordBatch> {
    let offset = Math.max(from, segment.baseOffset);
    while (offset < endOffset) {
      if (this.#isStopped || segment.isRemoved) throw logError('LOG_CLOSED');
      const batches = await this.#options.reader.read(partition, segment, { offset, bytesMax: READ_BYTES });
      yield* batches;
      offset = batches.at(-1)!.lastOffset + 1;
    }
  }

  async #sync(segment: Segment): Promise<void> {
    try {
      await this.#options.segmentFiles.sync(segment.logPath);
    } catch (error) {
      const message = `A segment could not be synced: ${messageOf(error)}.`;
      const failure = logError('LOG_SYNC_FAILED', { message, cause: error });
      this.#options.onFailure(failure);
      throw failure;
    }
  }

  async #discard(segment: Segment): Promise<void> {
    try {
      await this.#options.segmentFiles.remove(segment.logPath);
    } catch {
      // The next start removes what does not belong to the log.
    }
  }
}

/** The segments that get no more batches and whose files have all of theirs. */
function closedSegments(partition: PartitionLog): ClosedSegment[] {
  const { segments, unwritten } = partition;
  const firstUnwritten = unwritten[0]?.segment.baseOffset ?? Infinity;
  return segments
    .slice(0, -1)
    .map((segment, i) => ({ segment, endOffset: partition.endOfSegment(i) }))
    .filter(({ segment }) => segment.baseOffset < firstUnwritten);
}

/** A pass writes everything anew: it is due when what is not compacted is at least half of it. */
function isDue(partition: PartitionLog, closed: readonly ClosedSegment[]): boolean {
  let dirtyBytes = 0;
  let bytes = 0;
  for (const { segment, endOffset } of closed) {
    bytes += segment.size;
    if (endOffset > partition.compactedTo) dirtyBytes += segment.size;
  }
  return dirtyBytes > 0 && dirtyBytes * 2 >= bytes;
}

/**
 * True when tombstones in the segment are not needed any more: what they delete is gone for so long that
 * whoever has read it has come past them.
 */
function isSettled({ segment, endOffset }: ClosedSegment, pass: Pass): boolean {
  const { cleanedAtMs } = segment;
  const isOld = cleanedAtMs >= 0 && pass.nowMs - cleanedAtMs > pass.topic.tombstoneRetentionMs;
  return isOld && endOffset <= pass.compactedTo;
}

/**
 * The segments of a pass, those to be merged together. Only settled ones are merged: one that is not would
 * make the others wait for their tombstones with it, again and again.
 */
function groupsOf(closed: readonly ClosedSegment[], pass: Pass, segmentBytes: number): ClosedSegment[][] {
  const groups: ClosedSegment[][] = [];
  let bytes = Infinity;
  for (const each of closed) {
    const { segment, endOffset } = each;
    if (segment.baseOffset >= pass.to) break;
    const group = groups.at(-1);
    const isSmall = bytes + segment.size <= segmentBytes;
    const isMergeable = isSettled(each, pass);
    if (
      group !== undefined &&
      isMergeable &&
      isSmall &&
      endOffset - group[0]!.segment.baseOffset <= OFFSETS_MAX
    ) {
      group.push(each);
      bytes += segment.size;
    } else {
      groups.push([each]);
      bytes = isMergeable ? segment.size : Infinity;
    }
  }
  return groups;
}
