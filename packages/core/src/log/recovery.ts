import { type FileSystem, type Logger, messageOf } from '../base/index.ts';
import type { Checksum } from './checksum.ts';
import { frameEntries, type JournalEntry } from './journal-frame.ts';
import { type FoundFrame, readJournalFile } from './journal-reader.ts';
import { journalNumbers, journalPath } from './journal.ts';
import { decodeDescription, type LogState } from './log-state.ts';
import type { PartitionLog } from './partition-log.ts';
import { RecordBatch, summaryOfHeader } from './record-batch.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { Segment, segmentName, segmentNameOf } from './segment.ts';

export interface RecoveryOptions {
  readonly files: FileSystem;
  readonly segmentFiles: SegmentFiles;
  readonly writer: SegmentWriter;
  readonly journalFolder: string;
  readonly checksum: Checksum;
  readonly logger: Logger;
}

export interface RecoveryReport {
  /** Frames that were in the journal but not in the checkpoint. */
  readonly frames: number;
  /** Bytes of segments that were never acknowledged, or no longer belong to the log, and were cut off. */
  readonly cutBytes: number;
}

/**
 * Brings the state from the checkpoint to the last durable frame: reads the journal, writes the batches in it
 * to their places in the segments again, and cuts off what lies behind. Places are in the journal, so doing
 * it twice, or only half before the next crash, changes nothing. Afterwards everything is in the segments,
 * not yet synced.
 *
 * `LOG_CORRUPT_JOURNAL` before anything was changed when frames are missing in the middle.
 */
export async function recover(state: LogState, options: RecoveryOptions): Promise<RecoveryReport> {
  const { files, journalFolder } = options;
  const numbers = (await journalNumbers(files, journalFolder)).filter(
    (number) => number >= state.journalFrom,
  );
  const first = state.sequence + 1;
  const activeBases = new Map<PartitionLog, number>();
  for (const partition of state.partitions())
    activeBases.set(partition, partition.segments.at(-1)?.baseOffset ?? 0);
  // All of it is checked before the first change.
  let last: FoundFrame | undefined;
  let next = first;
  for (const number of numbers) {
    const remember = (frame: FoundFrame) => {
      last = frame;
    };
    next = await readJournalFile({ ...options, logId: state.logId, number, next, visit: remember });
  }
  const frames = next - first;
  if (last !== undefined) await makeDurable(numbers, last, options);
  next = first;
  for (const number of frames === 0 ? [] : numbers) {
    const apply = ({ frame }: FoundFrame) => {
      for (const entry of frameEntries(frame)) applyEntry(state, entry, options);
    };
    next = await readJournalFile({ ...options, logId: state.logId, number, next, visit: apply });
    await options.writer.write();
  }
  state.sequence = next - 1;
  const tidied = state.partitions().map((partition) => {
    partition.revoke();
    return tidyPartition(partition, activeBases.get(partition) ?? 0, options);
  });
  const cutBytes = (await Promise.all(tidied)).reduce((sum, bytes) => sum + bytes, 0);
  await options.segmentFiles.syncFolders();
  return { frames, cutBytes };
}

/**
 * Frames that a killed program had written but not synced are still there now, and would be gone after a
 * power failure: nothing may be done on their word before they are durable. The last one is written again: it
 * may be one whose sync failed, and then the system thinks that it has nothing more to write. Those before
 * it were synced before the next one was written.
 */
async function makeDurable(
  numbers: readonly number[],
  last: FoundFrame,
  options: RecoveryOptions,
): Promise<void> {
  const { files, journalFolder } = options;
  for (const number of numbers) {
    const file = await files.open(journalPath(journalFolder, number));
    try {
      if (number === last.number) await file.write(last.frame.bytes, last.position);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await files.syncFolder(journalFolder);
}

function applyEntry(state: LogState, entry: JournalEntry, options: RecoveryOptions): void {
  switch (entry.kind) {
    case 'append': {
      const partition = state.partition(entry.topicId, entry.partition);
      const batch = RecordBatch.decode(entry.batch);
      const segment = partition.append(batch, entry);
      options.writer.add(partition, { segment, position: entry.position, batch });
      options.segmentFiles.noteChanged(partition.folder);
      state.lastAppendedAtMs = Math.max(state.lastAppendedAtMs, batch.appendedAtMs);
      break;
    }
    case 'appendInPlace': {
      const partition = state.partition(entry.topicId, entry.partition);
      const batch = summaryOfHeader(entry.header);
      options.writer.noteWritten(partition.append(batch, entry), batch.byteLength);
      state.lastAppendedAtMs = Math.max(state.lastAppendedAtMs, batch.appendedAtMs);
      break;
    }
    case 'groupOffset':
      state.putGroupOffset(entry);
      break;
    case 'topic':
      state.putTopic(entry.topicId, decodeDescription(entry.config));
      break;
    case 'replacement': {
      const partition = state.partition(entry.topicId, entry.partition);
      partition.replace(Segment.restore(partition.folder, entry), entry);
      break;
    }
    case 'startOffset':
      state.partition(entry.topicId, entry.partition).raiseStart(entry.startOffset);
      break;
  }
}

/**
 * Makes a partition's folder hold what the state says; returns how many bytes were cut off. Segments before
 * `activeBase` were closed and synced at the checkpoint: they are looked at when they are read.
 */
async function tidyPartition(
  partition: PartitionLog,
  activeBase: number,
  options: RecoveryOptions,
): Promise<number> {
  const { files, segmentFiles, logger } = options;
  const known = new Set(
    partition.segments.map((segment) => segmentName(segment.baseOffset, segment.generation)),
  );
  for (const name of await files.list(partition.folder)) {
    const segment = segmentNameOf(name);
    if (segment === undefined || known.has(segment)) continue;
    // Retention or compaction was about to remove it, or it was made for a commit that was not acknowledged.
    logger.info('A file that is not part of the log is removed', { file: `${partition.folder}/${name}` });
    await files.remove(`${partition.folder}/${name}`);
    segmentFiles.noteChanged(partition.folder);
  }
  let cutBytes = 0;
  for (const segment of partition.segments) {
    if (segment.baseOffset < activeBase) continue;
    try {
      const missing = await segmentFiles.cut(segment.logPath, segment.size);
      if (missing > 0) logger.error('A segment is shorter than it should be', damageOf(segment, missing));
      // Also where the size is right: a killed program may have cut it without syncing.
      options.writer.noteWritten(segment, 0);
      cutBytes += Math.max(0, -missing);
    } catch (error) {
      logger.error('A segment cannot be opened', {
        ...damageOf(segment, segment.size),
        cause: messageOf(error),
      });
    }
  }
  return cutBytes;
}

function damageOf(segment: { logPath: string; size: number }, missingBytes: number): Record<string, unknown> {
  return { file: segment.logPath, size: segment.size, missingBytes };
}
