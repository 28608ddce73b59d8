import { BugError, isMillraceError, type Logger, messageOf } from '../base/index.ts';
import { Checkpointer } from './checkpointer.ts';
import { Compactor } from './compactor.ts';
import { encodeCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { crc32c } from './checksum.ts';
import { type CommitGroup, type CommitRequest, emptyRequest } from './commit-group.ts';
import { backpressure, CommitQueue } from './commit-queue.ts';
import { type EmbeddedLogLimits, type EmbeddedLogOptions, LIMITS_DEFAULT } from './embedded-options.ts';
import { logError } from './errors.ts';
import { Housekeeping } from './housekeeping.ts';
import { IndexStore } from './index-store.ts';
import { Journal } from './journal.ts';
import { LogFigures } from './log-figures.ts';
import { LogFolder } from './log-folder.ts';
import type { LogState, TopicState } from './log-state.ts';
import type { PartitionLog } from './partition-log.ts';
import type {
  CommitReceipt,
  EventLog,
  LogCommit,
  PartitionRange,
  ReadOptions,
  TopicConfig,
  TopicDescription,
} from './port.ts';
import { RecentBatches } from './recent-batches.ts';
import type { RecordBatch } from './record-batch.ts';
import { recover } from './recovery.ts';
import { checkAppend, checkCommit, checkOffset } from './request-checks.ts';
import { SegmentFiles } from './segment-files.ts';
import { SegmentReader } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';
import { TopicChanges } from './topic-changes.ts';

/** The parts of an open log. */
interface Parts {
  readonly state: LogState;
  readonly journal: Journal;
  readonly segmentFiles: SegmentFiles;
  readonly writer: SegmentWriter;
  readonly reader: SegmentReader;
  readonly indexes: IndexStore;
  readonly unlock: () => Promise<void>;
}

/**
 * Opens the log in a folder of this machine, recovering what a crash left; an empty or missing folder becomes
 * a new log. `LOG_LOCKED`, `LOG_UNSUPPORTED_FORMAT`, `LOG_CORRUPT_JOURNAL`, `LOG_CORRUPT_METADATA` refuse to
 * open and change nothing.
 *
 * @example
 * ```ts
 * const log = await openEmbeddedLog({ folder, files: nodeFileSystem, clock, checksum, meter, logger });
 * await log.createTopic('events', { partitions: 4 });
 * ```
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EventLog> {
  const folder = new LogFolder(options.folder, options.files);
  let unlock: (() => Promise<void>) | undefined;
  try {
    unlock = await folder.lock();
    return await openLocked(options, folder, unlock);
  } catch (error) {
    await unlock?.();
    if (isMillraceError(error) || error instanceof BugError) throw error;
    const message = `The log in ${options.folder} cannot be opened: ${messageOf(error)}.`;
    throw diskFullOf(error) ?? logError('LOG_FOLDER_UNUSABLE', { message, cause: error });
  }
}

async function openLocked(
  options: EmbeddedLogOptions,
  folder: LogFolder,
  unlock: () => Promise<void>,
): Promise<EventLog> {
  const { files, clock, meter, logger, checksum = crc32c, codecs = {} } = options;
  const limits = { ...LIMITS_DEFAULT, ...options.limits };
  const startMs = clock.monotonicMs();
  const state = await folder.load({ ...options, checksum });
  const segmentFiles = new SegmentFiles(files);
  const writer = new SegmentWriter(segmentFiles, meter);
  const journalFolder = folder.journal;
  const report = await recover(state, { files, segmentFiles, writer, journalFolder, checksum, logger });
  await writer.sync();
  if (report.frames > 0) {
    await writeCheckpoint(files, folder.checkpoint, encodeCheckpoint(state, checksum));
  }
  const fileBytes = limits.journalFileBytes;
  const journal = await Journal.start(
    { files, folder: journalFolder, fileBytes, clock, meter, logger },
    state,
  );
  const indexes = new IndexStore({ files, checksum, logger });
  const reader = new SegmentReader({ files: segmentFiles, indexes, checksum, codecs, logger });
  const parts = { state, journal, segmentFiles, writer, reader, indexes, unlock };
  const log = new EmbeddedLog({ options, limits, checkpointPath: folder.checkpoint, parts });
  logger.info('The log is open', {
    folder: folder.path,
    durationMs: Math.round(clock.monotonicMs() - startMs),
    recoveredFrames: report.frames,
    cutBytes: report.cutBytes,
  });
  return log;
}

function diskFullOf(error: unknown): Error | undefined {
  const { code } = error as { code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' ? logError('LOG_DISK_FULL', { cause: error }) : undefined;
}

class EmbeddedLog implements EventLog {
  readonly #options: EmbeddedLogOptions;
  readonly #limits: EmbeddedLogLimits;
  readonly #parts: Parts;
  readonly #logger: Logger;
  readonly #figures: LogFigures;
  readonly #recent: RecentBatches;
  readonly #queue: CommitQueue;
  readonly #checkpointer: Checkpointer;
  readonly #listeners = new Set<(topics: ReadonlySet<string>) => void>();
  readonly #topicChanges: TopicChanges;
  readonly #housekeeping: Housekeeping;
  readonly #compactor: Compactor;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(log: {
    options: EmbeddedLogOptions;
    limits: EmbeddedLogLimits;
    checkpointPath: string;
    parts: Parts;
  }) {
    const { options, limits, parts } = log;
    const { files, clock, meter, logger, checksum = crc32c, codecs = {} } = options;
    this.#options = options;
    this.#limits = limits;
    this.#parts = parts;
    this.#logger = logger;
    this.#figures = new LogFigures(meter);
    this.#recent = new RecentBatches(limits.recentBytesMax, meter);
    const onFailure = (error: Error) => this.#fail(error);
    this.#checkpointer = new Checkpointer({
      ...parts,
      files,
      path: log.checkpointPath,
      checksum,
      clock,
      meter,
      logger,
      journalBytes: limits.journalFileBytes * 0.75,
      onWritten: () => this.#recent.trim(),
      onFailure,
    });
    this.#queue = new CommitQueue({
      ...parts,
      checksum,
      codecs,
      clock,
      roll: limits,
      commitIntervalMs: limits.commitIntervalMs,
      inPlaceBytesMin: limits.inPlaceBytesMin,
      onDurable: (group) => this.#publish(group),
      onBoundary: () => this.#checkpointer.advance(),
      onFailure,
    });
    const submit = (request: CommitRequest) => this.#submit(request, 0);
    this.#topicChanges = new TopicChanges(parts.state, codecs, submit);
    this.#housekeeping = new Housekeeping({ ...parts, clock, logger, figures: this.#figures, submit });
    this.#compactor = new Compactor({
      ...parts,
      checksum,
      codecs,
      clock,
      logger,
      keyBytesMax: limits.compactionBytesMax,
      segmentBytes: limits.segmentBytes,
      submit,
      onFailure,
    });
    this.#housekeeping.repeat(limits.checkpointIntervalMs, () => {
      this.#checkpointer.request();
      this.#queue.requestBoundary();
    });
    this.#housekeeping.repeat(limits.retentionIntervalMs, () => this.#housekeeping.applyRetention());
    this.#housekeeping.repeat(limits.retentionIntervalMs, () => this.#compactor.run());
  }

  async createTopic(topic: string, config: TopicConfig): Promise<TopicDescription> {
    this.#checkOpen();
    return this.#topicChanges.create(topic, config);
  }

  topics(): readonly TopicDescription[] {
    const names = this.#parts.state.topics().map(({ description }) => description);
    return names.toSorted((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  describe(topic: string): TopicDescription | undefined {
    return this.#parts.state.topic(topic)?.description;
  }

  async addPartitions(topic: string, partitions: number): Promise<TopicDescription> {
    this.#checkOpen();
    return this.#topicChanges.addPartitions(topic, partitions);
  }

  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen();
    const log = this.#partition(topic, partition);
    const { startOffset, endOffset } = log;
    if (offset <= startOffset) return;
    checkOffset(offset, { topic, partition, startOffset, endOffset });
    await this.#submit({ ...emptyRequest, starts: [{ partition: log, offset }] }, 0);
    await this.#housekeeping.removed();
  }

  async commit(commit: LogCommit): Promise<CommitReceipt> {
    this.#checkOpen();
    const { appends, offsets = [] } = commit;
    const bytes = checkCommit(commit, this.#limits);
    const request: CommitRequest = {
      appends: appends.map(({ topic, partition, batch }) => ({
        partition: this.#partition(topic, partition),
        batch,
        compression: checkAppend(this.#topic(topic).description, batch, this.#options.codecs),
      })),
      offsets: offsets.map(({ group, topic, partition, nextOffset }) => {
        const { topicId } = this.#partition(topic, partition);
        return { group, topicId, partition, nextOffset };
      }),
      topics: [],
      starts: [],
      replacements: [],
    };
    return this.#submit(request, bytes);
  }

  async read(topic: string, partition: number, options: ReadOptions): Promise<readonly RecordBatch[]> {
    this.#checkOpen();
    const log = this.#partition(topic, partition);
    const { offset, bytesMax } = options;
    for (;;) {
      checkOffset(offset, { topic, partition, startOffset: log.startOffset, endOffset: log.endOffset });
      const recent = offset === log.endOffset ? [] : log.recentFrom(offset, bytesMax);
      if (recent !== undefined) return recent;
      const segment = log.segments[log.segmentOf(offset)];
      if (segment === undefined) return [];
      try {
        return await this.#parts.reader.read(log, segment, options);
      } catch (error) {
        // Retention or compaction may have removed the file while it was being read.
        if (!segment.isRemoved) throw error;
      }
    }
  }

  range(topic: string, partition: number): PartitionRange {
    const { startOffset, endOffset } = this.#partition(topic, partition);
    return { startOffset, endOffset };
  }

  async offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    this.#checkOpen();
    const log = this.#partition(topic, partition);
    const recentOffset = log.recentOffsetAtTime(timeMs);
    if (recentOffset !== undefined) return Math.max(log.startOffset, recentOffset);
    const segment = log.segments.find(({ lastAppendedAtMs }) => lastAppendedAtMs >= timeMs);
    const fallback = log.recent.length > 0 ? log.recent.at(0).baseOffset : log.endOffset;
    try {
      const found = segment && (await this.#parts.reader.offsetAtTime(log, segment, timeMs));
      return Math.max(log.startOffset, found ?? fallback);
    } catch (error) {
      if (segment?.isRemoved !== true) throw error;
      return this.offsetAtTime(topic, partition, timeMs);
    }
  }

  committedOffset(group: string, topic: string, partition: number): number | undefined {
    const { state } = this.#parts;
    const id = state.topic(topic)?.id;
    return id === undefined ? undefined : state.groupOffset(group, id, partition);
  }

  onCommit(listener: (topics: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#housekeeping.stop();
    this.#compactor.stop();
    const { segmentFiles, journal, unlock } = this.#parts;
    try {
      await this.#compactor.idle();
      await this.#queue.idle();
      await this.#housekeeping.removed();
      if (this.#failure === undefined) await this.#checkpointer.finalCheckpoint();
    } catch (error) {
      if (isMillraceError(error) || error instanceof BugError) throw error;
      const message = `The log could not write its last checkpoint: ${messageOf(error)}.`;
      throw diskFullOf(error) ?? logError('LOG_WRITE_FAILED', { message, cause: error });
    } finally {
      this.#checkpointer.stop();
      await this.#checkpointer.idle();
      await segmentFiles.close();
      await journal.close();
      await unlock();
    }
  }

  async #submit(request: CommitRequest, bytes: number): Promise<CommitReceipt> {
    this.#checkOpen();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#checkpointer.isDiskFull) throw logError('LOG_DISK_FULL', { retryAfterMs: 1_000 });
    const waiting = this.#queue.queuedBytes + this.#parts.writer.unwrittenBytes;
    const { inFlightBytesMax } = this.#limits;
    if (waiting > 0 && waiting + bytes > inFlightBytesMax) throw backpressure(waiting, inFlightBytesMax);
    const receipt = this.#queue.submit(request);
    this.#figures.queuedBytes.set(this.#queue.queuedBytes);
    return receipt;
  }

  /** A group has become durable: what it holds can be seen from now on. */
  #publish(group: CommitGroup): void {
    const { state, writer } = this.#parts;
    const topics = new Set<string>();
    for (const { id, description } of group.topics) state.putTopic(id, description);
    for (const { partition, batch, segmentBase, position, isInPlace } of group.appends) {
      const before = partition.segments.at(-1);
      const segment = partition.append(batch, { segmentBase, position });
      if (before !== undefined && before !== segment) this.#checkpointer.noteClosed(before);
      this.#recent.add(partition, batch);
      if (isInPlace) writer.noteWritten(segment, batch.byteLength);
      else writer.add(partition, { segment, position, batch });
      topics.add(partition.topic);
      this.#figures.batchBytes.observe(batch.byteLength);
      this.#figures.records.add(batch.count);
      this.#figures.bytes.add(batch.byteLength);
    }
    for (const offset of group.offsets) state.putGroupOffset(offset);
    for (const { partition, segment, ...place } of group.replacements)
      this.#housekeeping.remove(partition.replace(segment, place));
    for (const { partition, offset } of group.starts) this.#housekeeping.remove(partition.raiseStart(offset));
    this.#recent.trim();
    this.#observe(group);
    if (topics.size > 0) this.#notify(topics);
  }

  #observe(group: CommitGroup): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { startMs } of group.waiters) this.#figures.commitDuration.observe(nowMs - startMs);
    this.#figures.groupCommits.observe(group.waiters.length);
    this.#figures.queuedBytes.set(this.#queue.queuedBytes);
    this.#figures.unwrittenBytes.set(this.#parts.writer.unwrittenBytes);
  }

  #notify(topics: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(topics);
  }

  #topic(topic: string): TopicState {
    const state = this.#parts.state.topic(topic);
    if (state === undefined) {
      throw logError('LOG_NO_SUCH_TOPIC', { message: `There is no topic ${topic}.`, details: { topic } });
    }
    return state;
  }

  #partition(topic: string, partition: number): PartitionLog {
    const found = this.#topic(topic).partitions[partition];
    if (found !== undefined) return found;
    throw logError('LOG_NO_SUCH_PARTITION', {
      message: `${topic} has no partition ${partition}.`,
      details: { topic, partition, partitions: this.#topic(topic).partitions.length },
    });
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw logError('LOG_CLOSED');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#checkpointer.stop();
    this.#compactor.stop();
    const details = isMillraceError(error) ? error.details : {};
    this.#logger.error(error.message, { ...details, folder: this.#options.folder });
  }
}
