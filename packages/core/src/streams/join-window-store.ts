import { framed, FramedBytesReader } from './framed-bytes.ts';
import type { Serde } from './serde.ts';
import type { StateEntry, StoreKey } from './state-entry.ts';
import { StateStore, type StateStoreOptions } from './state-store.ts';
import { TimeOrderedEntries } from './time-ordered-entries.ts';

export interface JoinWindowStoreOptions extends StateStoreOptions {
  /** Records are kept while they are later than the store's stream time less this. */
  readonly retentionMs: number;
}

/**
 * One side of a stream–stream join: the records of the last while, by key and time. A row holds all values of
 * a key at one millisecond, in the order in which they came. Segments are dropped whole; what a segment keeps
 * too long is not shown.
 */
export class JoinWindowStore extends StateStore {
  readonly #retentionMs: number;
  readonly #segmentMs: number;
  readonly #segments = new Map<number, TimeOrderedEntries>();
  protected readonly isWindowed = true;

  constructor(options: JoinWindowStoreOptions) {
    super({ ...options, valueSerde: listSerde(options.valueSerde) });
    this.#retentionMs = options.retentionMs;
    this.#segmentMs = Math.max(1, Math.ceil(options.retentionMs / 2));
  }

  get entryCount(): number {
    let count = 0;
    for (const segment of this.#segments.values()) count += segment.size;
    return count;
  }

  /** Keeps a record, unless it is past retention already. */
  put(key: unknown, value: unknown, timestampMs: number): void {
    if (timestampMs > this.streamTimeMs) this.streamTimeMs = timestampMs;
    if (timestampMs < this.#earliestMs) return;
    const entry = this.entryFor(this.idOf(key), key, timestampMs);
    const before = entry.value as readonly unknown[] | null;
    this.write(entry, before === null ? [value] : [...before, value], timestampMs);
  }

  /** The key's rows from `fromMs` to `toMs`, both inclusive, in the order of time. */
  range(key: unknown, fromMs: number, toMs: number): StateEntry[] {
    const id = this.idOf(key);
    const firstMs = Math.max(fromMs, this.#earliestMs, 0);
    const found: StateEntry[] = [];
    for (let number = this.#segmentOf(firstMs); number <= this.#segmentOf(toMs); number++) {
      for (const entry of this.#segments.get(number)?.of(id) ?? []) {
        const { windowStartMs, value } = entry;
        if (windowStartMs >= firstMs && windowStartMs <= toMs && value !== null) found.push(entry);
      }
    }
    return found;
  }

  *entries(): IterableIterator<StateEntry> {
    for (const segment of this.#segments.values()) yield* segment.values();
  }

  clear(): void {
    this.#segments.clear();
    this.streamTimeMs = -1;
    this.committedStreamTimeMs = -1;
  }

  protected entryFor(id: StoreKey, key: unknown, timestampMs: number): StateEntry {
    const number = this.#segmentOf(timestampMs);
    let segment = this.#segments.get(number);
    if (segment === undefined) this.#segments.set(number, (segment = new TimeOrderedEntries()));
    return segment.entry(id, key, timestampMs);
  }

  protected remove(entry: StateEntry): void {
    this.#segments.get(this.#segmentOf(entry.windowStartMs))?.delete(entry);
  }

  protected afterConfirm(): void {
    const earliestMs = this.committedStreamTimeMs - this.#retentionMs + 1;
    for (const number of this.#segments.keys()) {
      if ((number + 1) * this.#segmentMs <= earliestMs) this.#segments.delete(number);
    }
  }

  get #earliestMs(): number {
    return this.streamTimeMs - this.#retentionMs + 1;
  }

  #segmentOf(timestampMs: number): number {
    return Math.floor(timestampMs / this.#segmentMs);
  }
}

/** A row of values as it lies in the changelog. */
function listSerde(valueSerde: Serde<unknown>): Serde<readonly unknown[]> {
  return {
    serialize: (values) => Buffer.concat(values.flatMap((value) => framed(valueSerde.serialize(value)))),
    deserialize(bytes) {
      const values: unknown[] = [];
      const reader = new FramedBytesReader(bytes);
      while (!reader.isAtEnd) values.push(valueSerde.deserialize(reader.bytes()));
      return values;
    },
  };
}
