import {
  type Clock,
  type FileSystem,
  type Histogram,
  isMillraceError,
  type Logger,
  messageOf,
  type Meter,
} from '../base/index.ts';
import type { Checksum } from './checksum.ts';
import { encodeCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { logError } from './errors.ts';
import type { IndexStore } from './index-store.ts';
import type { Journal } from './journal.ts';
import type { LogState } from './log-state.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { SegmentWriter } from './segment-writer.ts';
import type { Segment } from './segment.ts';

/**
 * Durable batches are written to segments when there are this many bytes, so that writes are few and large.
 */
const WRITE_BYTES_MIN = 1 << 20;
const DISK_FULL_RETRY_MS = 500;

export interface CheckpointerOptions {
  readonly state: LogState;
  readonly journal: Journal;
  readonly writer: SegmentWriter;
  readonly segmentFiles: SegmentFiles;
  readonly indexes: IndexStore;
  readonly files: FileSystem;
  readonly path: string;
  readonly checksum: Checksum;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** A checkpoint begins when the journal has this much that none covers. */
  readonly journalBytes: number;
  readonly onWritten: () => void;
  readonly onFailure: (error: Error) => void;
}

/**
 * Moves what the journal has made durable into the segments, in the background, and then lets go of the
 * journal's files: write, sync, remember the state after a frame, release the frames up to it.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #duration: Histogram;
  #isDiskFull = false;
  #hasFailed = false;
  #isRequested = false;
  #writing: Promise<void> | undefined;
  #checkpointing: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #coveredSequence: number;
  /** Segments that were closed since the last checkpoint. */
  #closed: Segment[] = [];

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#coveredSequence = options.state.sequence;
    this.#duration = options.meter.histogram(
      'log_checkpoint_duration_ms',
      'Time of one checkpoint of the log.',
      {
        buckets: [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500],
      },
    );
  }

  /** True while durable batches cannot be brought into their segments for want of space. */
  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  noteClosed(segment: Segment): void {
    this.#closed.push(segment);
  }

  /** A checkpoint is due at the next boundary, however little there is. */
  request(): void {
    this.#isRequested = true;
  }

  /** Call between two groups. Begins what is due. */
  advance(): void {
    const { writer, journal, journalBytes } = this.#options;
    if (this.#isDiskFull || this.#hasFailed) return;
    if (this.#isRequested || journal.liveBytes >= journalBytes) this.#begin();
    else if (writer.unwrittenBytes >= WRITE_BYTES_MIN) this.#write();
  }

  /** Begins a checkpoint of the state as it is now, unless one runs or nothing has changed. */
  #begin(): void {
    const { state, journal, checksum } = this.#options;
    const isDue = state.sequence > this.#coveredSequence;
    if (!isDue || this.#checkpointing !== undefined) return;
    this.#isRequested = false;
    journal.roll();
    state.journalFrom = journal.number;
    const checkpoint = { sequence: state.sequence, encoded: encodeCheckpoint(state, checksum) };
    this.#checkpointing = this.#guard(() => this.#finish(checkpoint)).finally(
      () => (this.#checkpointing = undefined),
    );
  }

  /** Resolves when neither a write nor a checkpoint runs. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined || this.#checkpointing !== undefined) {
      await (this.#writing ?? this.#checkpointing);
    }
  }

  /** Everything into the segments, the whole state into the checkpoint. No commit may be on its way. */
  async finalCheckpoint(): Promise<void> {
    this.#cancelRetry?.();
    await this.idle();
    if (this.#hasFailed) return;
    const { state, journal, checksum } = this.#options;
    await journal.prepared();
    state.journalFrom = journal.nextStart;
    await this.#finish({ sequence: state.sequence, encoded: encodeCheckpoint(state, checksum) });
    for (const partition of state.partitions()) {
      const active = partition.segments.at(-1);
      if (active !== undefined) await this.#options.indexes.store(active);
    }
  }

  stop(): void {
    this.#hasFailed = true;
    this.#cancelRetry?.();
  }

  #write(): void {
    if (this.#writing !== undefined) return;
    this.#writing = this.#guard(() => this.#options.writer.write()).finally(() => {
      this.#writing = undefined;
      this.#options.onWritten();
    });
  }

  async #finish(checkpoint: { sequence: number; encoded: Uint8Array }): Promise<void> {
    const { writer, journal, files, path, clock } = this.#options;
    const startMs = clock.monotonicMs();
    const closed = [...this.#closed];
    await writer.write();
    this.#options.onWritten();
    for (const segment of closed) await this.#trim(segment);
    await this.#sync(() => writer.sync());
    await writeCheckpoint(files, path, checkpoint.encoded);
    this.#coveredSequence = checkpoint.sequence;
    await journal.release(checkpoint.sequence);
    this.#closed = this.#closed.slice(closed.length);
    for (const segment of closed) {
      await this.#options.indexes.store(segment);
      this.#options.indexes.touch(segment);
    }
    this.#duration.observe(clock.monotonicMs() - startMs);
  }

  /** A closed segment ends with its last batch: what was written for refused commits is cut off. */
  async #trim(segment: Segment): Promise<void> {
    try {
      await this.#options.segmentFiles.cut(segment.logPath, segment.size);
      this.#options.writer.noteWritten(segment, 0);
    } catch (error) {
      // Retention may have removed the file.
      if (!segment.isRemoved) throw error;
    }
  }

  async #sync(sync: () => Promise<void>): Promise<void> {
    try {
      await sync();
    } catch (error) {
      const message = `A segment could not be synced: ${messageOf(error)}.`;
      throw logError('LOG_SYNC_FAILED', { message, cause: error });
    }
  }

  /** Runs background work; a full disk is waited out, any other failure ends the log. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === 'ENOSPC' || code === 'EDQUOT') this.#waitForSpace(error);
      else this.#fail(error);
    }
  }

  #waitForSpace(error: unknown): void {
    const { clock, logger } = this.#options;
    if (!this.#isDiskFull)
      logger.error('The disk is full; the log accepts nothing', { cause: messageOf(error) });
    this.#isDiskFull = true;
    this.#cancelRetry?.();
    this.#cancelRetry = clock.schedule(() => void this.#guard(() => this.#retry()), DISK_FULL_RETRY_MS);
  }

  async #retry(): Promise<void> {
    if (this.#hasFailed) return;
    await this.#options.writer.write();
    this.#options.onWritten();
    this.#isDiskFull = false;
    this.#options.logger.info('The disk has space again; the log accepts');
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    if (isMillraceError(error)) return this.#options.onFailure(error);
    const message = `A segment or the checkpoint could not be written: ${messageOf(error)}.`;
    this.#options.onFailure(logError('LOG_WRITE_FAILED', { message, cause: error }));
  }
}
