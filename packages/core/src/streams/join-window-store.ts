import { readInt32, writeInt32 } from '../log/index.ts';
import type { Serde } from './serde.ts';
import { StateEntry, type StoreKey } from './state-entry.ts';
import { StateStore, type StateStoreOptions } from './state-store.ts';

export interface JoinWindowStoreOptions extends StateStoreOptions {
  /** Records are kept while they are later than the store's stream time less this. */
  readonly retentionMs: number;
}

/** The rows of a stretch of time, by key; each list is in the order of time. */
type Segment = Map<StoreKey, StateEntry[]>;

/**
 * One side of a stream–stream join: the records of the last while, by key and time. A row holds all values of
 * a key at one millisecond, in the order in which they came. Segments are dropped whole; what a segment keeps
 * too long is not shown.
 */
export class JoinWindowStore extends StateStore {
  readonly #retentionMs: number;
  readonly #segmentMs: number;
  readonly #segments = new Map<number, Segment>();
  protected readonly isWindowed = true;
  entryCount = 0;

  constructor(options: JoinWindowStoreOptions) {
    super({ ...options, valueSerde: listSerde(options.valueSerde) });
    this.#retentionMs = options.retentionMs;
    this.#segmentMs = Math.max(1, Math.ceil(options.retentionMs / 2));
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
      for (const entry of this.#segments.get(number)?.get(id) ?? []) {
        const { windowStartMs, value } = entry;
        if (windowStartMs >= firstMs && windowStartMs <= toMs && value !== null) found.push(entry);
      }
    }
    return found;
  }

  *entries(): IterableIterator<StateEntry> {
    for (const segment of this.#segments.values()) for (const rows of segment.values()) yield* rows;
  }

  clear(): void {
    this.#segments.clear();
    this.entryCount = 0;
    this.streamTimeMs = -1;
    this.committedStreamTimeMs = -1;
  }

  protected entryFor(id: StoreKey, key: unknown, timestampMs: number): StateEntry {
    const number = this.#segmentOf(timestampMs);
    let segment = this.#segments.get(number);
    if (segment === undefined) this.#segments.set(number, (segment = new Map()));
    let rows = segment.get(id);
    if (rows === undefined) segment.set(id, (rows = []));
    // Nearly every record is the latest of its key.
    let index = rows.length;
    while (index > 0 && rows[index - 1]!.windowStartMs > timestampMs) index--;
    const before = rows[index - 1];
    if (before?.windowStartMs === timestampMs) return before;
    const entry = new StateEntry(id, key, timestampMs);
    rows.splice(index, 0, entry);
    this.entryCount++;
    return entry;
  }

  protected remove(entry: StateEntry): void {
    const segment = this.#segments.get(this.#segmentOf(entry.windowStartMs));
    const rows = segment?.get(entry.id);
    const index = rows?.indexOf(entry) ?? -1;
    if (index < 0) return;
    rows!.splice(index, 1);
    this.entryCount--;
    if (rows!.length === 0) segment!.delete(entry.id);
  }

  protected afterConfirm(): void {
    const earliestMs = this.committedStreamTimeMs - this.#retentionMs + 1;
    for (const [number, segment] of this.#segments) {
      if ((number + 1) * this.#segmentMs > earliestMs) continue;
      for (const rows of segment.values()) this.entryCount -= rows.length;
      this.#segments.delete(number);
    }
  }

  get #earliestMs(): number {
    return this.streamTimeMs - this.#retentionMs + 1;
  }

  #segmentOf(timestampMs: number): number {
    return Math.floor(timestampMs / this.#segmentMs);
  }
}

/** Values one after the other, each behind its length (4 bytes). */
function listSerde(valueSerde: Serde<unknown>): Serde<readonly unknown[]> {
  return {
    serialize(values) {
      const parts: Uint8Array[] = [];
      for (const value of values) {
        const bytes = valueSerde.serialize(value);
        const length = Buffer.allocUnsafe(4);
        writeInt32(length, 0, bytes.length);
        parts.push(length, bytes);
      }
      return Buffer.concat(parts);
    },
    deserialize(bytes) {
      const values: unknown[] = [];
      for (let position = 0; position < bytes.length;) {
        const end = position + 4 + readInt32(bytes, position);
        values.push(valueSerde.deserialize(bytes.subarray(position + 4, end)));
        position = end;
      }
      return values;
    },
  };
}
