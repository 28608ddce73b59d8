import type { EventLog } from '../log/index.ts';
import { warehouseError } from './errors.ts';
import type { LoadedOffset, LoadPart, LoadReceipt } from './port.ts';

/** What is asked for next, and to which time the warehouse is complete once it is loaded. */
export interface Collected {
  readonly parts: readonly LoadPart[];
  readonly completeToMs: number;
  /** The log holds more than was collected. */
  readonly isBacklogged: boolean;
}

interface Position {
  readonly topic: string;
  readonly partition: number;
  nextOffset: number;
  /** Everything appended before this is loaded; undefined until it is known. */
  completeToMs: number | undefined;
}

/** Where the loader stands in every partition of its topics, and what it takes from them next. */
export class LoadCursor {
  readonly #log: EventLog;
  readonly #topics: readonly string[];
  readonly #positions = new Map<string, Position[]>();

  constructor(log: EventLog, topics: readonly string[]) {
    this.#log = log;
    this.#topics = topics;
  }

  /** Takes over what the warehouse has loaded. `WAREHOUSE_AHEAD_OF_LOG` when the log holds less. */
  resume(loaded: readonly LoadedOffset[]): void {
    for (const { topic, partition, nextOffset } of loaded) {
      if (!this.#topics.includes(topic)) continue;
      this.#position(topic, partition).nextOffset = nextOffset;
      const endOffset = this.#endOffset(topic, partition);
      if (nextOffset > endOffset) {
        const message = `${topic}/${partition} is loaded up to record ${nextOffset}, and the log ends at ${endOffset}.`;
        throw warehouseError('WAREHOUSE_AHEAD_OF_LOG', {
          message,
          details: { topic, partition, nextOffset, endOffset },
        });
      }
    }
  }

  advance(loaded: LoadReceipt['loaded']): void {
    for (const { topic, partition, nextOffset } of loaded)
      this.#position(topic, partition).nextOffset = nextOffset;
  }

  /** Records in the log that are not loaded. */
  lagRecords(): number {
    let lag = 0;
    this.#eachPartition((position, endOffset) => {
      lag += Math.max(0, endOffset - position.nextOffset);
    });
    return lag;
  }

  /** Records that the log ever held: all that were accepted. */
  storedRecords(): number {
    let stored = 0;
    this.#eachPartition((_, endOffset) => {
      stored += endOffset;
    });
    return stored;
  }

  /**
   * About `bytesMax` of what is not loaded, shared among the partitions that have something, at least one
   * batch of each. `nowMs` was read before the call.
   */
  async collect(bytesMax: number, nowMs: number): Promise<Collected> {
    const waiting: { position: Position; endOffset: number }[] = [];
    this.#eachPartition((position, endOffset) => {
      if (endOffset > position.nextOffset) waiting.push({ position, endOffset });
      else position.completeToMs = nowMs;
    });
    const share = Math.max(1, Math.floor(bytesMax / Math.max(1, waiting.length)));
    const parts: LoadPart[] = [];
    let isBacklogged = false;
    for (const { position, endOffset } of waiting) {
      const part = await this.#read(position, share);
      if (part === undefined) continue;
      parts.push(part.part);
      const isDrained = part.lastOffset + 1 >= endOffset;
      // Batches lie in the order of their append time, and that of the last one may be shared by the next.
      position.completeToMs = isDrained ? nowMs : part.appendedAtMs;
      if (!isDrained) isBacklogged = true;
    }
    return { parts, completeToMs: this.#completeToMs(), isBacklogged };
  }

  async #read(
    position: Position,
    bytesMax: number,
  ): Promise<{ part: LoadPart; lastOffset: number; appendedAtMs: number } | undefined> {
    const { topic, partition } = position;
    const { startOffset } = this.#log.range(topic, partition);
    const fromOffset = Math.max(position.nextOffset, startOffset);
    const batches = await this.#log.read(topic, partition, { offset: fromOffset, bytesMax });
    const last = batches.at(-1);
    if (last === undefined) return undefined;
    const part = { topic, partition, fromOffset, batches: batches.map(({ bytes }) => bytes) };
    return { part, lastOffset: last.lastOffset, appendedAtMs: last.appendedAtMs };
  }

  /** A partition that was not looked at yet holds `as_of` where it is: 0 never moves it. */
  #completeToMs(): number {
    let completeToMs = Number.MAX_SAFE_INTEGER;
    this.#eachPartition((position) => {
      completeToMs = Math.min(completeToMs, position.completeToMs ?? 0);
    });
    return completeToMs;
  }

  #eachPartition(visit: (position: Position, endOffset: number) => void): void {
    for (const topic of this.#topics) {
      const partitions = this.#log.describe(topic)?.partitions ?? 0;
      for (let partition = 0; partition < partitions; partition++) {
        visit(this.#position(topic, partition), this.#endOffset(topic, partition));
      }
    }
  }

  #position(topic: string, partition: number): Position {
    let positions = this.#positions.get(topic);
    if (positions === undefined) this.#positions.set(topic, (positions = []));
    return (positions[partition] ??= { topic, partition, nextOffset: 0, completeToMs: undefined });
  }

  #endOffset(topic: string, partition: number): number {
    const partitions = this.#log.describe(topic)?.partitions ?? 0;
    return partition < partitions ? this.#log.range(topic, partition).endOffset : 0;
  }
}
