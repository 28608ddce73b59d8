import { assert, type Clock, isMillraceError } from '../base/index.ts';
import type { EventLog } from './port.ts';
import type { RecordBatch } from './record-batch.ts';

export interface TopicPosition {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
}

export interface LogConsumerOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  /** Whose committed offsets are the positions to begin at. The consumer never commits by itself. */
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Where to begin in partitions for which the group has committed nothing; partitions and topics that are
   * added later begin at their start. Default `earliest`.
   */
  readonly from?: 'earliest' | 'latest';
  /** Positions to begin at instead of the group's, for offsets that are kept elsewhere. */
  readonly positions?: readonly TopicPosition[];
  /**
   * Called when one partition cannot be read (`LOG_CORRUPT_SEGMENT`, …): it is left out until `seek`, the
   * others go on. Without it, `poll` rejects.
   */
  readonly onPartitionError?: (error: Error, position: TopicPosition) => void;
}

export interface PolledPartition {
  readonly topic: string;
  readonly partition: number;
  /** The first offset that was asked for: records of the first batch below it were delivered before. */
  readonly fromOffset: number;
  /** What to commit when all of it is processed. */
  readonly nextOffset: number;
  readonly batches: readonly RecordBatch[];
  /** Records that retention deleted before they could be read. */
  readonly skippedRecords: number;
}

export interface PollOptions {
  /** At most about this much; always at least one batch when there is one. */
  readonly bytesMax: number;
  /** How long to wait when there is nothing. Default 0: not at all. */
  readonly waitMs?: number;
}

interface Position {
  readonly topic: string;
  readonly partition: number;
  offset: number;
  hasFailed: boolean;
}

/**
 * Reads the partitions of some topics for one group, in this process, from where the group has committed. The
 * caller commits `nextOffset` when it has processed a poll: in the `LogCommit` that holds its results, or
 * elsewhere.
 *
 * @example
 * ```ts
 * const consumer = new LogConsumer({ log, clock, group: 'fraud', topics: ['events'] });
 * const polled = await consumer.poll({ bytesMax: 1 << 20, waitMs: 500 });
 * for (const { topic, partition, batches, nextOffset } of polled) {
 *   …
 * }
 * ```
 */
export class LogConsumer {
  readonly #options: LogConsumerOptions;
  readonly #topics: ReadonlySet<string>;
  readonly #positions: Position[] = [];
  readonly #known = new Map<string, number>();
  readonly #cancelListener: () => void;
  #turn = 0;
  #isPolling = false;
  #hasNews = true;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(options: LogConsumerOptions) {
    this.#options = options;
    this.#topics = new Set(options.topics);
    this.#discover(true);
    this.#cancelListener = options.log.onCommit((topics) => {
      for (const topic of topics) if (this.#topics.has(topic)) return this.#rouse();
    });
  }

  /**
   * The next batches of each partition that has some, and moves on behind them; empty when there is nothing
   * after `waitMs`, and at once when the consumer is closed. One call at a time.
   */
  async poll(options: PollOptions): Promise<readonly PolledPartition[]> {
    assert(!this.#isPolling, 'one poll at a time');
    this.#isPolling = true;
    try {
      const { clock } = this.#options;
      const deadlineMs = clock.monotonicMs() + (options.waitMs ?? 0);
      while (!this.#isClosed) {
        this.#hasNews = false;
        const polled = await this.#readAll(options.bytesMax);
        if (polled.length > 0) return polled;
        const waitMs = deadlineMs - clock.monotonicMs();
        if (waitMs <= 0) break;
        await this.#sleep(waitMs);
      }
      return [];
    } finally {
      this.#isPolling = false;
    }
  }

  /** Where the next poll begins, by partition. */
  positions(): readonly TopicPosition[] {
    this.#discover(false);
    return this.#positions.map(({ topic, partition, offset }) => ({ topic, partition, nextOffset: offset }));
  }

  /** Records behind each partition's end that were not polled yet. */
  lag(): readonly { readonly topic: string; readonly partition: number; readonly lagRecords: number }[] {
    this.#discover(false);
    return this.#positions.map(({ topic, partition, offset }) => {
      const { startOffset, endOffset } = this.#options.log.range(topic, partition);
      return { topic, partition, lagRecords: Math.max(0, endOffset - Math.max(offset, startOffset)) };
    });
  }

  /** Goes on at `offset`, also in a partition that had been left out. */
  seek(topic: string, partition: number, offset: number): void {
    this.#discover(false);
    const position = this.#positions.find((each) => each.topic === topic && each.partition === partition);
    assert(position !== undefined, `the consumer has no partition ${topic} ${partition}`);
    position.offset = offset;
    position.hasFailed = false;
    this.#rouse();
  }

  /** Ends a poll that waits. */
  close(): void {
    this.#isClosed = true;
    this.#cancelListener();
    this.#rouse();
  }

  /** Takes up partitions that were not there before. */
  #discover(isFirst: boolean): void {
    const { log, group, from = 'earliest', positions = [] } = this.#options;
    for (const topic of this.#topics) {
      const partitions = log.describe(topic)?.partitions ?? 0;
      for (let partition = this.#known.get(topic) ?? 0; partition < partitions; partition++) {
        const { startOffset, endOffset } = log.range(topic, partition);
        const given = positions.find((each) => each.topic === topic && each.partition === partition);
        const begin = isFirst && from === 'latest' ? endOffset : startOffset;
        const offset = given?.nextOffset ?? log.committedOffset(group, topic, partition) ?? begin;
        this.#positions.push({ topic, partition, offset, hasFailed: false });
        this.#known.set(topic, partition + 1);
      }
    }
  }

  /** Partitions take turns at being the first, so that none is starved when one fills every poll. */
  async #readAll(bytesMax: number): Promise<PolledPartition[]> {
    this.#discover(false);
    const polled: PolledPartition[] = [];
    const count = this.#positions.length;
    const first = this.#turn++ % Math.max(1, count);
    let bytesLeft = bytesMax;
    for (let i = 0; i < count && bytesLeft > 0; i++) {
      const position = this.#positions[(first + i) % count]!;
      const part = await this.#readOne(position, bytesLeft).catch((error: unknown) => {
        // What was read of the others is delivered first; the failure comes again when it is this one's turn.
        if (polled.length === 0) throw error;
      });
      if (part === undefined) continue;
      for (const batch of part.batches) bytesLeft -= batch.byteLength;
      polled.push(part);
    }
    return polled;
  }

  async #readOne(position: Position, bytesMax: number): Promise<PolledPartition | undefined> {
    const { log, onPartitionError } = this.#options;
    if (position.hasFailed) return undefined;
    const { topic, partition } = position;
    const { startOffset, endOffset } = log.range(topic, partition);
    const fromOffset = Math.max(position.offset, startOffset);
    if (fromOffset === endOffset) return undefined;
    const skippedRecords = fromOffset - position.offset;
    try {
      const batches = await this.#readRecords(position, fromOffset, bytesMax);
      const last = batches.at(-1);
      // A `seek` during the read is the caller's newer wish.
      if (last === undefined || position.offset + skippedRecords !== fromOffset) return undefined;
      position.offset = last.lastOffset + 1;
      if (last.count === 0 && batches.length === 1) return undefined;
      return { topic, partition, fromOffset, nextOffset: position.offset, batches, skippedRecords };
    } catch (error) {
      if (!isMillraceError(error) || error.kind === 'aborted') throw error;
      // Retention was quicker than the read: the next one begins at the new start.
      if (error.code === 'LOG_OFFSET_OUT_OF_RANGE' && log.range(topic, partition).startOffset > fromOffset) {
        this.#hasNews = true;
        return undefined;
      }
      if (onPartitionError === undefined) throw error;
      position.hasFailed = true;
      onPartitionError(error, { topic, partition, nextOffset: fromOffset });
      return undefined;
    }
  }

  /** Batches with records; one without stands for offsets that hold none, up to the end. */
  async #readRecords(place: Position, fromOffset: number, bytesMax: number): Promise<readonly RecordBatch[]> {
    const { topic, partition } = place;
    for (let offset = fromOffset; ;) {
      const batches = await this.#options.log.read(topic, partition, { offset, bytesMax });
      const last = batches.at(-1);
      if (last === undefined || batches.some(({ count }) => count > 0)) return batches;
      offset = last.lastOffset + 1;
      if (offset >= this.#options.log.range(topic, partition).endOffset) return [last];
    }
  }

  #rouse(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  async #sleep(waitMs: number): Promise<void> {
    if (this.#hasNews || this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.schedule(done, waitMs);
      function done(): void {
        cancel();
        resolve();
      }
      this.#wake = done;
    });
    this.#wake = undefined;
  }
}
