import { isEventId } from '../contract/index.ts';
import type { EventLog, RecordBatch } from '../log/index.ts';

const READ_BYTES = 2 * 1024 * 1024;

export interface ReplayRange {
  readonly partition: number;
  /** First offset to read. */
  readonly from: number;
  /** Offset after the last one. */
  readonly to: number;
}

export interface ReplayedBatch {
  readonly createdAtMs: number;
  /** Event ids of the batch, without those below the range. Records that are no events have none. */
  readonly ids: readonly string[];
}

/**
 * The ids that ranges of a topic's partitions hold, batch by batch, in the order of their arrival over all
 * partitions.
 */
export async function* replayIds(
  source: { readonly log: EventLog; readonly topic: string; readonly idField: string },
  ranges: readonly ReplayRange[],
): AsyncGenerator<ReplayedBatch> {
  const readers = ranges
    .filter((range) => range.from < range.to)
    .map((range) => new PartitionReader(source.log, source.topic, range));
  for (;;) {
    let earliest: PartitionReader | undefined;
    for (const reader of readers) {
      const batch = await reader.peek();
      if (batch === undefined) continue;
      const best = earliest?.current;
      if (best === undefined || batch.createdAtMs < best.createdAtMs) earliest = reader;
    }
    const batch = earliest?.current;
    if (earliest === undefined || batch === undefined) return;
    const ids = idsOf(batch, earliest.range, source.idField);
    earliest.advance();
    yield { createdAtMs: batch.createdAtMs, ids };
  }
}

/** One partition, a read ahead. */
class PartitionReader {
  readonly range: ReplayRange;
  current: RecordBatch | undefined;
  readonly #log: EventLog;
  readonly #topic: string;
  #offset: number;
  #batches: readonly RecordBatch[] = [];
  #next = 0;

  constructor(log: EventLog, topic: string, range: ReplayRange) {
    this.#log = log;
    this.#topic = topic;
    this.range = range;
    this.#offset = range.from;
  }

  /** The next batch without taking it; undefined at the range's end. */
  async peek(): Promise<RecordBatch | undefined> {
    if (this.current !== undefined) return this.current;
    if (this.#next >= this.#batches.length) {
      if (this.#offset >= this.range.to) return undefined;
      const options = { offset: this.#offset, bytesMax: READ_BYTES };
      this.#batches = await this.#log.read(this.#topic, this.range.partition, options);
      this.#next = 0;
    }
    const batch = this.#batches[this.#next++];
    if (batch === undefined || batch.baseOffset >= this.range.to) return undefined;
    this.current = batch;
    return batch;
  }

  advance(): void {
    if (this.current !== undefined) this.#offset = this.current.lastOffset + 1;
    this.current = undefined;
  }
}

function idsOf(batch: RecordBatch, range: ReplayRange, idField: string): string[] {
  const { buffer, byteOffset, byteLength } = batch.bytes;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const ids: string[] = [];
  const cursor = batch.cursor();
  while (cursor.next()) {
    const offset = batch.baseOffset + cursor.offsetDelta;
    if (offset < range.from || offset >= range.to || cursor.valueStart < 0) continue;
    const id = idOf(bytes.toString('utf8', cursor.valueStart, cursor.valueEnd), idField);
    if (id !== undefined) ids.push(id);
  }
  return ids;
}

function idOf(json: string, idField: string): string | undefined {
  let event: unknown;
  try {
    event = JSON.parse(json);
  } catch {
    // Not written by ingest.
    return undefined;
  }
  if (typeof event !== 'object' || event === null) return undefined;
  const id = (event as Record<string, unknown>)[idField];
  return isEventId(id) ? id : undefined;
}
