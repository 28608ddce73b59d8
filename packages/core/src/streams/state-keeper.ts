import type { Clock, FileSystem, Logger } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import { readCheckpoint, writeCheckpoint, type CheckpointIo } from './checkpoint.ts';
import { fail } from './errors.ts';
import type { StateStore } from './state-store.ts';
import { TimeSlice } from './time-slice.ts';

export interface StateKeeperOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly logger: Logger;
  /** Folder of the application's state; one folder for each store is made in it. */
  readonly folder: string;
  readonly changelogTopic: string;
  readonly partition: number;
  readonly store: StateStore;
  /** A checkpoint is due after this many changelog records, or as many as there are rows. */
  readonly checkpointRecordsMin: number;
  /** Aborted when the runtime closes: restoring ends then. */
  readonly closing: AbortSignal;
}

interface KeptCheckpoint {
  readonly path: string;
  readonly sequence: number;
  readonly changelogOffset: number;
}

const READ_BYTES_MAX = 1024 * 1024;
const RECORDS_PER_CLOCK_READ = 128;
const KEPT_MAX = 2;

/**
 * Keeps one store of one task over restarts: local checkpoints, and the changelog records since. Two
 * checkpoints are kept, and the changelog from the older one on, so that a damaged file costs a longer replay
 * and nothing else.
 */
export class StateKeeper {
  readonly store: StateStore;
  /** Changelog records below this are committed and in the store. */
  changelogOffset = 0;
  readonly #options: StateKeeperOptions;
  readonly #folder: string;
  readonly #io: CheckpointIo;
  #kept: KeptCheckpoint[] = [];
  #nextSequence = 1;

  constructor(options: StateKeeperOptions) {
    this.#options = options;
    this.store = options.store;
    this.#folder = `${options.folder}/${options.store.name}`;
    this.#io = { files: options.files, clock: options.clock };
  }

  /** Changelog records that a restart would have to apply. */
  get tailRecords(): number {
    return this.changelogOffset - (this.#kept.at(-1)?.changelogOffset ?? 0);
  }

  get isCheckpointDue(): boolean {
    return this.tailRecords > Math.max(this.#options.checkpointRecordsMin, this.store.entryCount);
  }

  /**
   * Fills the store: newest whole checkpoint, then the changelog after it. `STREAMS_STATE_LOST` when that has
   * a gap.
   */
  async restore(onProgress: (share: number) => void): Promise<void> {
    const { log, changelogTopic, partition, store } = this.#options;
    await this.#options.files.makeFolder(this.#folder);
    const range = log.range(changelogTopic, partition);
    await this.#restoreCheckpoint(range);
    const restored = this.#kept.at(-1);
    if (restored === undefined && range.startOffset > 0) throw this.#stateLost(range.startOffset);
    await this.#replay(restored?.changelogOffset ?? 0, range.endOffset, onProgress);
    store.restored();
    onProgress(1);
  }

  /**
   * The changelog is trimmed on the strength of a checkpoint, so that its folders must not get lost either.
   */
  async #syncFolders(): Promise<void> {
    const { files, folder } = this.#options;
    await files.syncFolder(folder);
    await files.syncFolder(folder.slice(0, folder.lastIndexOf('/')));
  }

  async #restoreCheckpoint(range: {
    readonly startOffset: number;
    readonly endOffset: number;
  }): Promise<void> {
    const { files, logger, store, partition, closing } = this.#options;
    const found = await this.#list();
    this.#nextSequence = (found.at(-1)?.sequence ?? 0) + 1;
    for (const { path, sequence } of found.toReversed()) {
      const read = await readCheckpoint({ ...this.#io, signal: closing }, path, store);
      const problem = read.isWhole ? outsideOf(range, read.header.changelogOffset) : read.problem;
      if (read.isWhole && problem === undefined) {
        this.#kept = [{ path, sequence, changelogOffset: read.header.changelogOffset }];
        await this.#keepOlder(found, sequence);
        return;
      }
      store.clear();
      logger.warn('streams: a checkpoint cannot be used', { store: store.name, partition, path, problem });
      await files.remove(path);
    }
  }

  /**
   * The file before the restored one stays the second choice; its offset is known once it is read, or never
   * needed.
   */
  async #keepOlder(found: readonly { path: string; sequence: number }[], restored: number): Promise<void> {
    const older = found.filter(({ sequence }) => sequence < restored);
    for (const { path } of older.slice(0, -1)) await this.#options.files.remove(path);
    const last = older.at(-1);
    if (last === undefined) return;
    const { startOffset } = this.#options.log.range(this.#options.changelogTopic, this.#options.partition);
    this.#kept.unshift({ ...last, changelogOffset: startOffset });
  }

  async #list(): Promise<{ path: string; sequence: number }[]> {
    const { files, partition } = this.#options;
    const found: { path: string; sequence: number }[] = [];
    for (const name of await files.list(this.#folder)) {
      const parts = /^(\d+)-(\d+)\.checkpoint(\.new)?$/.exec(name);
      if (parts === null || Number(parts[1]) !== partition) continue;
      const path = `${this.#folder}/${name}`;
      if (parts[3] === undefined) found.push({ path, sequence: Number(parts[2]) });
      else await files.remove(path);
    }
    return found.toSorted((one, other) => one.sequence - other.sequence);
  }

  async #replay(fromOffset: number, endOffset: number, onProgress: (share: number) => void): Promise<void> {
    const { log, changelogTopic, partition, store, clock, closing } = this.#options;
    const slice = new TimeSlice(clock, closing);
    let offset = fromOffset;
    let count = 0;
    while (offset < endOffset) {
      const batches = await log.read(changelogTopic, partition, { offset, bytesMax: READ_BYTES_MAX });
      if (batches.length === 0) break;
      for (const batch of batches) {
        const cursor = batch.cursor();
        while (cursor.next()) {
          if (batch.baseOffset + cursor.offsetDelta < offset) continue;
          const key = cursor.bytes.subarray(cursor.keyStart, cursor.keyEnd);
          const isDeletion = cursor.valueStart < 0;
          store.restore(key, isDeletion ? null : cursor.bytes.subarray(cursor.valueStart, cursor.valueEnd));
          if (++count % RECORDS_PER_CLOCK_READ === 0 && slice.isOver) await slice.yield();
        }
        offset = batch.lastOffset + 1;
      }
      onProgress((offset - fromOffset) / (endOffset - fromOffset));
    }
    this.changelogOffset = offset;
  }

  /** Writes a checkpoint of what is committed, forgets the third last one and trims the changelog. */
  async checkpoint(signal?: AbortSignal): Promise<void> {
    const { files, log, changelogTopic, partition, store } = this.#options;
    const { changelogOffset } = this;
    const sequence = this.#nextSequence++;
    const path = `${this.#folder}/${partition}-${sequence}.checkpoint`;
    const header = { store: store.name, partition, changelogOffset };
    const io = signal === undefined ? this.#io : { ...this.#io, signal };
    await writeCheckpoint(io, path, { store, header });
    this.#kept.push({ path, sequence, changelogOffset });
    while (this.#kept.length > KEPT_MAX) await files.remove(this.#kept.shift()!.path);
    const [older] = this.#kept;
    if (this.#kept.length === KEPT_MAX && older!.changelogOffset > 0) {
      await this.#syncFolders();
      await log.deleteRecordsBefore(changelogTopic, partition, older!.changelogOffset);
    }
  }

  #stateLost(startOffset: number): Error {
    const { store, partition, changelogTopic } = this.#options;
    return fail('STREAMS_STATE_LOST', {
      message:
        `Store '${store.name}', partition ${partition}: no readable checkpoint in ${this.#folder}, ` +
        `and ${changelogTopic} begins at offset ${startOffset}.`,
      details: { store: store.name, partition, folder: this.#folder, startOffset },
    });
  }
}

/** Why a checkpoint does not fit to the changelog; undefined when it does. */
function outsideOf(
  { startOffset, endOffset }: { readonly startOffset: number; readonly endOffset: number },
  changelogOffset: number,
): string | undefined {
  if (changelogOffset < startOffset)
    return `the changelog begins at ${startOffset}, after ${changelogOffset}`;
  if (changelogOffset > endOffset) return `the changelog ends at ${endOffset}, before ${changelogOffset}`;
  return undefined;
}
