import {
  messageOf,
  sleep,
  type Clock,
  type FileSystem,
  type Logger,
  type Meter,
  type Random,
} from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import { replayIds } from './dedup-replay.ts';
import { DedupStore, type StoredIndex } from './dedup-store.ts';
import { EventIdHasher, makeHashKey } from './event-id-hash.ts';
import { HotIds, type Claims, type HotPart } from './hot-ids.ts';
import { IdSegment } from './id-segment.ts';
import { allSettled } from './all-settled.ts';
import { STORED } from './id-table.ts';
import { LogPositions } from './log-positions.ts';

const HOUR_MS = 3_600_000;
const FLUSH_DELAY_MS = 1000;
const FLUSH_IDS = 8192;
const RETRY_DELAY_MS = 1000;
/**
 * Parts that could not be written to disk are kept in memory up to this number; beyond it the oldest is given
 * up.
 */
const FROZEN_PARTS_MAX = 4;

export interface DedupIndexOptions {
  readonly log: EventLog;
  readonly topic: string;
  readonly idField: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: FileSystem;
  readonly folder: string;
  readonly windowMs: number;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Ids that a part takes before it is sealed. Default 786,432; smaller ones are for tests. */
  readonly partEntriesMax?: number;
}

/**
 * Which event ids of one topic the log holds, for a window of arrival time. It is derived from the log: ids
 * become `STORED` after their commit, the checkpoint carries log positions, and at start the log's tail is
 * read again. docs/design/ingest.md has the whole picture.
 */
export class DedupIndex {
  readonly #options: DedupIndexOptions;
  readonly #store: DedupStore;
  readonly #positions = new LogPositions();
  readonly #hot: HotIds;
  readonly #gauges;
  #hasher: EventIdHasher;
  #coveredSinceMs = -Infinity;
  /** On disk; oldest first. */
  #segments: IdSegment[] = [];
  #isCheckpointDue = false;
  #isFlushDue = false;
  #working: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isFailing = false;
  #isClosed = false;

  private constructor(options: DedupIndexOptions) {
    const { meter, topic } = options;
    this.#options = options;
    this.#store = new DedupStore(options);
    this.#hot = new HotIds(options.partEntriesMax);
    this.#hasher = new EventIdHasher(makeHashKey(options.random));
    this.#gauges = {
      ids: meter.gauge('ingest_dedup_ids', 'Event ids that resent events are compared with.', { topic }),
      bytes: meter.gauge('ingest_dedup_memory_bytes', 'Memory of the deduplication index.', { topic }),
      window: meter.gauge('ingest_dedup_window_ms', 'How long a resent event is recognised.', { topic }),
    };
  }

  /** Restores the checkpoint and reads the log's tail; without a checkpoint, the window's part of the log. */
  static async open(options: DedupIndexOptions): Promise<DedupIndex> {
    const index = new DedupIndex(options);
    const stored = await index.#store.load();
    if (stored === undefined || !index.#restore(stored)) {
      for (const segment of stored?.segments ?? []) await segment.retire();
      await index.#startFromWindow();
    }
    await index.#readLog(() => index.#work());
    index.#isCheckpointDue = true;
    await index.#work();
    return index;
  }

  /** Bytes of memory. */
  get byteLength(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.byteLength, this.#hot.byteLength);
  }

  get count(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.count, this.#hot.count);
  }

  /** When the oldest id on disk arrived; Infinity when none is on disk. */
  get oldestMs(): number {
    return this.#segments[0]?.sinceMs ?? Infinity;
  }

  /** For how long back every id is known. */
  windowMs(nowMs: number): number {
    return Math.max(0, Math.min(this.#options.windowMs, nowMs - this.#coveredSinceMs));
  }

  /** Hashes a valid event id into `target[at]` and the three words after it. */
  hash(id: string, target: Uint32Array, at: number): void {
    this.#hasher.hash(id, target, at);
  }

  /**
   * Claims the ids of `events` (positions in `claims`), which arrived at `receivedAtMs`, where nobody has
   * them.
   */
  claim(events: readonly number[], claims: Claims, receivedAtMs: number): void {
    this.#makeRoom(events.length, receivedAtMs);
    this.#hot.claim(events, claims);
  }

  /**
   * Looks for claimed ids in the sealed segments and sets their holder to `STORED` where they are found; the
   * claim is then withdrawn. Returns a promise only when a file must be read. `INGEST_DEDUP_UNREADABLE` when
   * it cannot be.
   */
  findSealed(events: readonly number[], claims: Claims): Promise<void> | undefined {
    const searches: Promise<void>[] = [];
    for (let s = this.#segments.length - 1; s >= 0; s--) {
      const segment = this.#segments[s]!;
      for (let i = 0; i < events.length; i++) {
        const event = events[i]!;
        if (claims.holders[event] === 0 && segment.mayHave(claims.hashes, event * 4)) {
          searches.push(this.#search(segment, claims, event));
        }
      }
    }
    return searches.length === 0 ? undefined : allSettled(searches);
  }

  /** The claimed ids among `events` are durable. Call `advance` for their appends right after. */
  settle(events: readonly number[], claims: Claims): void {
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      if (claims.holders[event] === 0) this.#hot.settle(claims.hashes, event * 4);
    }
    this.#afterChange();
  }

  /** The claimed ids among `events` were not stored: nobody has them. */
  withdraw(events: readonly number[], claims: Claims): void {
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      if (claims.holders[event] === 0) this.#hot.withdraw(claims.hashes, event * 4, claims.owner);
    }
    this.#afterChange();
  }

  /** The index holds the ids of `count` records from `baseOffset`. */
  advance(partition: number, baseOffset: number, count: number): void {
    this.#positions.advance(partition, baseOffset, count);
  }

  /** Gives up the oldest segment, so that memory is freed; the window becomes shorter. */
  dropOldest(): void {
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    const next = this.#segments[0] ?? this.#hot.parts[0]!;
    this.#coveredSinceMs = Math.max(this.#coveredSinceMs, next.sinceMs);
    this.#retire(segment);
    this.#wake();
  }

  /** Sets the gauges. */
  report(nowMs: number): void {
    this.#gauges.ids.set(this.count);
    this.#gauges.bytes.set(this.byteLength);
    this.#gauges.window.set(this.windowMs(nowMs));
  }

  /** Writes what is pending; claims must be settled or withdrawn before. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isFlushDue = true;
    await this.#work();
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#store.close();
    for (const segment of this.#segments) await segment.retire();
  }

  /** False when the checkpoint does not fit the log. */
  #restore(stored: StoredIndex): boolean {
    const { log, topic } = this.#options;
    const positions = stored.blocks.at(-1)?.positions;
    if (positions === undefined) return false;
    const partitions = log.describe(topic)?.partitions ?? 0;
    for (const [partition, position] of positions.entries()) {
      // Ahead of the log: the log was replaced or restored from a backup.
      if (partition >= partitions || position > log.range(topic, partition).endOffset) return false;
    }
    this.#hasher = new EventIdHasher(stored.key);
    this.#coveredSinceMs = stored.coveredSinceMs;
    this.#segments = stored.segments;
    this.#hot.restore(stored.blocks, stored.nextSequence);
    for (const [partition, position] of positions.entries()) this.#positions.raise(partition, position);
    return true;
  }

  async #startFromWindow(): Promise<void> {
    const { log, topic, clock, windowMs, logger } = this.#options;
    const sinceMs = clock.nowMs() - windowMs;
    const partitions = log.describe(topic)?.partitions ?? 0;
    let records = 0;
    for (let partition = 0; partition < partitions; partition++) {
      const from = await log.offsetAtTime(topic, partition, sinceMs);
      this.#positions.raise(partition, from);
      records += log.range(topic, partition).endOffset - from;
    }
    if (records > 0) logger.info('Deriving the deduplication index from the log.', { topic, records });
  }

  /** Enters what the log holds beyond the positions; calls `whenFrozen` when parts wait to be sealed. */
  async #readLog(whenFrozen?: () => Promise<void>): Promise<void> {
    const { log, topic, idField } = this.#options;
    const partitions = log.describe(topic)?.partitions ?? 0;
    const ranges = Array.from({ length: partitions }, (_, partition) => {
      const { startOffset, endOffset } = log.range(topic, partition);
      return { partition, from: Math.max(startOffset, this.#positions.of(partition)), to: endOffset };
    });
    const hash = new Uint32Array(4);
    for await (const { createdAtMs, ids } of replayIds({ log, topic, idField }, ranges)) {
      this.#makeRoom(ids.length, createdAtMs);
      for (const id of ids) {
        this.#hasher.hash(id, hash, 0);
        this.#hot.enter(hash, 0);
      }
      if (this.#hot.frozenCount > 1) await whenFrozen?.();
    }
    for (const { partition, to } of ranges) this.#positions.raise(partition, to);
  }

  #makeRoom(count: number, receivedAtMs: number): void {
    if (!this.#hot.makeRoom(count, receivedAtMs)) return;
    // A segment ends an hour after it began at the latest.
    const oldestMs = this.#hot.sinceMs - this.#options.windowMs - HOUR_MS;
    while (this.#segments.length > 0 && this.#segments[0]!.sinceMs < oldestMs)
      this.#retire(this.#segments.shift()!);
    if (this.#hot.frozenCount > FROZEN_PARTS_MAX) this.#giveUpPart();
    this.#wake();
  }

  #giveUpPart(): void {
    const part = this.#hot.sealable();
    if (part === undefined) return;
    const { logger, topic } = this.#options;
    logger.error('The deduplication index cannot be written: its window becomes shorter.', { topic });
    this.#hot.remove(part);
    this.#coveredSinceMs = Math.max(this.#coveredSinceMs, this.#hot.parts[0]!.sinceMs);
  }

  #retire(segment: IdSegment): void {
    this.#isCheckpointDue = true;
    segment.retire().catch((error: unknown) => {
      this.#options.logger.warn('A file of the deduplication index could not be closed.', {
        error: messageOf(error),
      });
    });
  }

  async #search(segment: IdSegment, claims: Claims, event: number): Promise<void> {
    if (!(await segment.has(claims.hashes, event * 4)) || claims.holders[event] !== 0) return;
    this.#hot.withdraw(claims.hashes, event * 4, claims.owner);
    claims.holders[event] = STORED;
  }

  #afterChange(): void {
    if (this.#hot.unflushedCount >= FLUSH_IDS) this.#isFlushDue = true;
    if (this.#isDue()) this.#wake();
    else this.#wakeLater(FLUSH_DELAY_MS);
  }

  #wakeLater(delayMs: number): void {
    if (this.#cancelTimer !== undefined || this.#isClosed) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#isFlushDue = true;
      this.#isFailing = false;
      this.#wake();
    }, delayMs);
  }

  #wake(): void {
    // After a failure the timer decides when to go on.
    if (this.#working === undefined && !this.#isClosed && !this.#isFailing) void this.#work();
  }

  /** Does what is due, one thing at a time; a failure is tried again later. */
  async #work(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
    this.#working = this.#workOff();
    await this.#working;
    this.#working = undefined;
    // What became due while the work was ending found it still going on.
    if (this.#isDue()) this.#wake();
  }

  async #workOff(): Promise<void> {
    try {
      while (this.#isDue()) await this.#doNext();
      this.#isFailing = false;
    } catch (error) {
      this.#isFailing = true;
      const { logger, topic } = this.#options;
      logger.warn('The deduplication index could not be checkpointed; trying again.', {
        topic,
        error: messageOf(error),
      });
      this.#wakeLater(RETRY_DELAY_MS);
    }
  }

  #isDue(): boolean {
    return this.#isCheckpointDue || this.#isFlushDue || this.#hot.sealable() !== undefined;
  }

  async #doNext(): Promise<void> {
    const sealable = this.#hot.sealable();
    if (sealable !== undefined) await this.#seal(sealable);
    else if (this.#isCheckpointDue) await this.#checkpoint();
    else await this.#flush();
  }

  async #seal(part: HotPart): Promise<void> {
    const { sequence, sinceMs, table } = part;
    const { files, clock } = this.#options;
    const pause = () => sleep(clock, 0);
    if (table.count > 0) {
      const sorting = table.sorted();
      let slice = sorting.next();
      for (; slice.done !== true; slice = sorting.next()) await pause();
      const identity = { path: this.#store.pathOf(sequence), sequence, sinceMs };
      const segment = await IdSegment.write(files, identity, { hashes: slice.value, pause });
      this.#segments.push(segment);
      this.#segments.sort((a, b) => a.sequence - b.sequence);
    }
    this.#hot.remove(part);
    this.#isCheckpointDue = true;
  }

  async #checkpoint(): Promise<void> {
    const block = { positions: this.#positions.all(), groups: this.#hot.takeAll() };
    const segments = [...this.#segments];
    const { nextSequence } = this.#hot;
    const index = { key: this.#hasher.key, nextSequence, coveredSinceMs: this.#coveredSinceMs, segments };
    this.#isCheckpointDue = false;
    await this.#orCheckpointAgain(this.#store.replace(index, block));
  }

  async #flush(): Promise<void> {
    this.#isFlushDue = false;
    if (this.#positions.hasGap) await this.#readLog();
    const groups = this.#hot.takeUnflushed();
    if (groups.length === 0) return;
    await this.#orCheckpointAgain(this.#store.append({ positions: this.#positions.all(), groups }));
  }

  /** After a failure the journal lacks ids that were taken for it: only a whole checkpoint may follow. */
  async #orCheckpointAgain(writing: Promise<void>): Promise<void> {
    try {
      await writing;
    } catch (error) {
      this.#isCheckpointDue = true;
      throw error;
    }
  }
}
