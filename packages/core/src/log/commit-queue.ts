import { assert, type Clock, messageOf } from '../base/index.ts';
import type { Checksum } from './checksum.ts';
import { codecOf, type CompressionCodecs } from './compression.ts';
import { CommitGroup, type CommitRequest, type PendingAppend } from './commit-group.ts';
import { logError } from './errors.ts';
import type { FrameBuilder } from './journal-frame.ts';
import type { Journal } from './journal.ts';
import type { LogState } from './log-state.ts';
import type { PartitionLog, RollPolicy } from './partition-log.ts';
import type { CommitReceipt } from './port.ts';
import { RecordBatch } from './record-batch.ts';
import type { SegmentFiles } from './segment-files.ts';
import { segmentName } from './segment.ts';

/**
 * A group whose frame or whose batches have this much is complete: what comes next waits for the next sync.
 */
const FRAME_BYTES_MAX = 4 << 20;
const GROUP_BYTES_MAX = 16 << 20;
const BACKPRESSURE_RETRY_MS = 100;
const DISK_FULL_RETRY_MS = 1_000;

export interface CommitQueueOptions {
  readonly state: LogState;
  readonly journal: Journal;
  readonly segmentFiles: SegmentFiles;
  readonly checksum: Checksum;
  /** Has the codecs of all topics that are appended to. */
  readonly codecs: CompressionCodecs;
  readonly clock: Clock;
  readonly roll: RollPolicy;
  /** Least time between the beginnings of two syncs; 0: one begins when the last has ended. */
  readonly commitIntervalMs: number;
  /** A batch of at least this size goes straight to its segment. */
  readonly inPlaceBytesMin: number;
  /** Called when a group has become durable, before its commits are answered. Makes it visible. */
  readonly onDurable: (group: CommitGroup) => void;
  /** Called between two groups, when no frame is on its way. */
  readonly onBoundary: () => void;
  /** The log cannot go on. */
  readonly onFailure: (error: Error) => void;
}

/**
 * Group commit: commits get their offsets and are encoded at once, wait while the last group is being synced,
 * and then become durable together. Order of the calls is order of the offsets is order of the frames.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #groups: CommitGroup[] = [];
  readonly #frames: FrameBuilder[] = [];
  #queuedBytes = 0;
  #lastAppendedAtMs: number;
  #lastFlushMs = -Infinity;
  #running: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#lastAppendedAtMs = options.state.lastAppendedAtMs;
  }

  /** Bytes that wait to become durable. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Puts a checked request into the queue. Nothing may be wrong with it any more. */
  submit(request: CommitRequest): Promise<CommitReceipt> {
    const { clock, state } = this.#options;
    const appendedAtMs = Math.max(clock.nowMs(), this.#lastAppendedAtMs);
    this.#lastAppendedAtMs = appendedAtMs;
    state.lastAppendedAtMs = appendedAtMs;
    const group = this.#openGroup();
    const bytesBefore = group.bytes;
    const baseOffsets: number[] = [];
    for (const append of request.appends) {
      const pending = this.#place(append, appendedAtMs);
      group.addAppend(pending);
      baseOffsets.push(pending.batch.baseOffset);
    }
    group.addMetadata(request);
    this.#queuedBytes += group.bytes - bytesBefore;
    const receipt = { baseOffsets, appendedAtMs };
    const { promise, resolve, reject } = Promise.withResolvers<CommitReceipt>();
    group.waiters.push({ receipt, startMs: clock.monotonicMs(), resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Calls `onBoundary` as soon as no frame is on its way. */
  requestBoundary(): void {
    if (this.#running === undefined) this.#options.onBoundary();
  }

  /** Resolves when nothing is queued. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #place(append: CommitRequest['appends'][number], appendedAtMs: number): PendingAppend {
    const { checksum, codecs, roll, inPlaceBytesMin } = this.#options;
    const { partition, batch: builder, compression } = append;
    if (compression !== 'none') builder.compress(compression, codecOf(compression, codecs));
    const { storedLength: byteLength, count } = builder;
    const { baseOffset, segmentBase, position } = partition.assign({ byteLength, count, appendedAtMs }, roll);
    const stored = builder.seal({ baseOffset, appendedAtMs, checksum });
    const batch = RecordBatch.sealed({ stored, uncompressed: builder.uncompressedBytes });
    return { partition, batch, segmentBase, position, isInPlace: byteLength >= inPlaceBytesMin };
  }

  #openGroup(): CommitGroup {
    const last = this.#groups.at(-1);
    if (last !== undefined && last.frame.byteLength < FRAME_BYTES_MAX && last.bytes < GROUP_BYTES_MAX)
      return last;
    const group = new CommitGroup(this.#frames.pop());
    this.#groups.push(group);
    return group;
  }

  async #run(): Promise<void> {
    // Commits of the same turn of the event loop belong together.
    await Promise.resolve();
    while (this.#groups.length > 0) {
      await this.#pace();
      const group = this.#groups.shift();
      if (group === undefined) break;
      await this.#flush(group);
      group.frame.clear();
      this.#frames.push(group.frame);
      if (!this.#hasFailed) this.#options.onBoundary();
    }
    // In the same turn as the last look at the groups: a commit that comes now must start the next run.
    this.#running = undefined;
  }

  async #pace(): Promise<void> {
    const { clock, commitIntervalMs } = this.#options;
    const waitMs = this.#lastFlushMs + commitIntervalMs - clock.monotonicMs();
    const isLarge = this.#groups[0]!.bytes >= FRAME_BYTES_MAX;
    if (waitMs > 0 && !isLarge) await new Promise<void>((resolve) => clock.schedule(resolve, waitMs));
    this.#lastFlushMs = clock.monotonicMs();
  }

  async #flush(group: CommitGroup): Promise<void> {
    const { state, journal, checksum } = this.#options;
    const sequence = state.sequence + 1;
    assert(journal.lastSequence + 1 === sequence, 'the journal and the state are at the same frame');
    try {
      await this.#writeInPlace(group);
      await journal.write(group.frame.finish({ sequence, logId: state.logId, checksum }));
    } catch (error) {
      this.#refuse(group, error);
      return;
    }
    if (!(await this.#synced(group, () => journal.sync()))) return;
    state.sequence = sequence;
    this.#queuedBytes -= group.bytes;
    this.#options.onDurable(group);
    for (const waiter of group.waiters) waiter.resolve(waiter.receipt);
  }

  /**
   * Batches that go straight to their segments: durable there before the frame that speaks of them is
   * written.
   */
  async #writeInPlace(group: CommitGroup): Promise<void> {
    if (group.inPlace.length === 0) return;
    const { segmentFiles } = this.#options;
    const writes = group.inPlace.map(({ batch, position, ...place }) =>
      segmentFiles.use(pathOf(place), { create: true }, (file) => file.write(batch.storedBytes, position)),
    );
    // All have ended before any place may be given to another batch.
    const failed = (await Promise.allSettled(writes)).find(({ status }) => status === 'rejected');
    if (failed !== undefined) {
      await this.#cutOff(group.inPlace);
      throw (failed as PromiseRejectedResult).reason;
    }
    const paths = new Set(group.inPlace.map(pathOf));
    const isDurable = await this.#synced(group, async () => {
      await Promise.all(
        Array.from(paths, (path) => segmentFiles.use(path, { create: false }, (file) => file.sync())),
      );
      await segmentFiles.syncFolders();
    });
    if (!isDurable) throw new Error('the segments could not be synced');
  }

  /**
   * Takes back what was written of refused batches, so that segments end with their last acknowledged batch.
   */
  async #cutOff(appends: readonly PendingAppend[]): Promise<void> {
    const { segmentFiles } = this.#options;
    for (const append of appends) {
      const path = pathOf(append);
      const segment = append.partition.segments.findLast(
        ({ baseOffset }) => baseOffset === append.segmentBase,
      );
      try {
        if (segment === undefined) await segmentFiles.remove(path);
        else await segmentFiles.cut(path, segment.size);
      } catch {
        // The next batches, the next checkpoint or the next start write over the remains or cut them off.
      }
    }
  }

  async #synced(group: CommitGroup, sync: () => Promise<void>): Promise<boolean> {
    try {
      await sync();
      return true;
    } catch (error) {
      // After a failed sync the system may have dropped what it could not write: trying again would only seem
      // to help.
      const message = `The log could not be synced: ${messageOf(error)}.`;
      this.#fail(group, logError('LOG_SYNC_FAILED', { message, cause: error }));
      return false;
    }
  }

  #refuse(group: CommitGroup, error: unknown): void {
    if (this.#hasFailed) return;
    const { code } = error as { code?: unknown };
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      this.#rejectAll(group, logError('LOG_DISK_FULL', { retryAfterMs: DISK_FULL_RETRY_MS, cause: error }));
    } else {
      const message = `The log could not be written: ${messageOf(error)}.`;
      this.#fail(group, logError('LOG_WRITE_FAILED', { message, cause: error }));
    }
  }

  #fail(group: CommitGroup, error: Error): void {
    this.#hasFailed = true;
    this.#rejectAll(group, error);
    this.#options.onFailure(error);
  }

  /** Rejects the group and all behind it, whose offsets come after those that are now given back. */
  #rejectAll(group: CommitGroup, error: Error): void {
    const rejected = [group, ...this.#groups.splice(0)];
    for (const { appends } of rejected) for (const { partition } of appends) partition.revoke();
    for (const { waiters, bytes } of rejected) {
      this.#queuedBytes -= bytes;
      for (const waiter of waiters) waiter.reject(error);
    }
  }
}

function pathOf(place: { readonly partition: PartitionLog; readonly segmentBase: number }): string {
  return `${place.partition.folder}/${segmentName(place.segmentBase)}.log`;
}

/** Too much waits: what to tell the caller. */
export function backpressure(waitingBytes: number, bytesMax: number): Error {
  return logError('LOG_BACKPRESSURE', {
    retryAfterMs: BACKPRESSURE_RETRY_MS,
    details: { waitingBytes, bytesMax },
  });
}
