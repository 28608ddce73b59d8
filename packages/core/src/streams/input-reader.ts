import type { EventLog } from '../log/index.ts';
import { InputBatch } from './input-batch.ts';

/** A place in a partition that somebody reads from. */
export interface ReaderPosition {
  readonly topic: string;
  readonly partition: number;
  /** Offset that is read next. */
  readonly fetchOffset: number;
}

const READ_BYTES_MAX = 256 * 1024;
/** Raw bytes; parsed events take several times as much. */
const CACHE_BYTES_MAX = 4 * 1024 * 1024;

interface PartitionCache {
  /** In the order of offsets, without gaps. */
  batches: InputBatch[];
  bytes: number;
  readonly readers: Set<ReaderPosition>;
  /** Reads under way, by offset. */
  readonly reading: Map<number, Promise<readonly InputBatch[]>>;
}

/**
 * Reads batches once for all topologies that want them, so that each is walked over and parsed once. What all
 * readers have passed is dropped; a reader that is far behind reads for itself.
 */
export class InputReader {
  readonly #log: EventLog;
  readonly #topics = new Map<string, PartitionCache[]>();

  constructor(log: EventLog) {
    this.#log = log;
  }

  register(reader: ReaderPosition): void {
    this.#cache(reader).readers.add(reader);
  }

  unregister(reader: ReaderPosition): void {
    const cache = this.#cache(reader);
    cache.readers.delete(reader);
    dropPassed(cache);
  }

  /** Batches from the reader's offset on, the first one perhaps from before it; empty at the end. */
  read(reader: ReaderPosition): Promise<readonly InputBatch[]> {
    const cache = this.#cache(reader);
    dropPassed(cache);
    const cached = cachedFrom(cache, reader.fetchOffset);
    if (cached.length > 0) return Promise.resolve(cached);
    const offset = reader.fetchOffset;
    let reading = cache.reading.get(offset);
    if (reading === undefined) {
      reading = this.#readLog(cache, reader, offset).finally(() => cache.reading.delete(offset));
      cache.reading.set(offset, reading);
    }
    return reading;
  }

  async #readLog(
    cache: PartitionCache,
    { topic, partition }: ReaderPosition,
    offset: number,
  ): Promise<readonly InputBatch[]> {
    const read = await this.#log.read(topic, partition, { offset, bytesMax: READ_BYTES_MAX });
    const batches = read.map((batch) => new InputBatch(batch));
    if (cache.readers.size > 1) keep(cache, batches);
    return batches;
  }

  #cache({ topic, partition }: ReaderPosition): PartitionCache {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) this.#topics.set(topic, (partitions = []));
    partitions[partition] ??= { batches: [], bytes: 0, readers: new Set(), reading: new Map() };
    return partitions[partition];
  }
}

function cachedFrom({ batches }: PartitionCache, offset: number): InputBatch[] {
  let first = batches.length;
  while (first > 0 && batches[first - 1]!.batch.lastOffset >= offset) first--;
  if (first === batches.length || batches[first]!.batch.baseOffset > offset) return [];
  const found: InputBatch[] = [];
  let bytes = 0;
  for (let i = first; i < batches.length && (bytes < READ_BYTES_MAX || found.length === 0); i++) {
    found.push(batches[i]!);
    bytes += batches[i]!.batch.bytes.length;
  }
  return found;
}

/** Keeps what continues the cache or begins it anew further ahead. */
function keep(cache: PartitionCache, read: readonly InputBatch[]): void {
  for (const batch of read) {
    const last = cache.batches.at(-1);
    const expected = last === undefined ? batch.batch.baseOffset : last.batch.lastOffset + 1;
    if (batch.batch.baseOffset < expected) continue;
    if (batch.batch.baseOffset > expected) clear(cache);
    cache.batches.push(batch);
    cache.bytes += batch.batch.bytes.length;
  }
  while (cache.bytes > CACHE_BYTES_MAX && cache.batches.length > 1) dropFirst(cache);
}

function dropPassed(cache: PartitionCache): void {
  let lowest = Infinity;
  for (const { fetchOffset } of cache.readers) lowest = Math.min(lowest, fetchOffset);
  while (cache.batches.length > 0 && cache.batches[0]!.batch.lastOffset < lowest) dropFirst(cache);
}

function dropFirst(cache: PartitionCache): void {
  cache.bytes -= cache.batches.shift()!.batch.bytes.length;
}

function clear(cache: PartitionCache): void {
  cache.batches = [];
  cache.bytes = 0;
}
