import { assert } from '../base/index.ts';
import {
  decodeKey,
  decodeRowValue,
  decodeTimestamp,
  encodeMetaValue,
  encodeRowKey,
  encodeRowValue,
  encodeWindowedRowKey,
  META_KEY,
} from './changelog-codec.ts';
import { Serdes, type Serde } from './serde.ts';
import { frozen, type StateEntry, type StoreKey } from './state-entry.ts';

/** Where a store's changes go. */
export type ChangelogWriter = (key: Uint8Array, value: Uint8Array | null) => void;

/** What a transaction holds of a store: to be confirmed once it is in the log. */
export interface StoreChanges {
  readonly store: StateStore;
  readonly entries: readonly StateEntry[];
  readonly values: readonly unknown[];
  readonly timestampsMs: readonly number[];
  readonly streamTimeMs: number;
}

export interface StateStoreOptions {
  readonly name: string;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
}

/** Keyed state of one task: a working copy, and beside it in each entry what is committed. */
export abstract class StateStore {
  readonly name: string;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
  /** Highest event time seen by whoever writes the store; -1 before the first. Survives a restart. */
  streamTimeMs = -1;
  committedStreamTimeMs = -1;
  /** Counts every change, so that a task can tell whether a record has touched state yet. */
  writes = 0;
  #dirty: StateEntry[] = [];
  #capturedStreamTimeMs = -1;

  constructor(options: StateStoreOptions) {
    this.name = options.name;
    this.keySerde = options.keySerde;
    this.valueSerde = options.valueSerde;
  }

  /** Rows, committed or not. */
  abstract readonly entryCount: number;
  /** All entries; safe while the store changes. */
  abstract entries(): IterableIterator<StateEntry>;
  abstract clear(): void;
  protected abstract entryFor(id: StoreKey, key: unknown, windowStartMs: number): StateEntry;
  protected abstract remove(entry: StateEntry): void;
  protected abstract readonly isWindowed: boolean;
  /** Called after each confirmed transaction. */
  protected abstract afterConfirm(): void;

  protected idOf(key: unknown): StoreKey {
    if (typeof key === 'string') return key;
    if (this.keySerde === Serdes.string) Serdes.string.serialize(key as string);
    if (typeof key === 'number' || typeof key === 'boolean' || typeof key === 'bigint') return key;
    return Buffer.from(this.keySerde.serialize(key)).toString('latin1');
  }

  /** Puts a value into an entry; null deletes it. */
  write(entry: StateEntry, value: unknown, timestampMs: number): void {
    entry.value = frozen(value ?? null);
    entry.timestampMs = timestampMs;
    this.writes++;
    if (entry.isDirty) return;
    entry.isDirty = true;
    this.#dirty.push(entry);
  }

  /** Rows that changed since the last `capture`. */
  get dirtyCount(): number {
    return this.#dirty.length;
  }

  /** Writes what has changed since the last call to the changelog; undefined when nothing has. */
  capture(write: ChangelogWriter, taskStreamTimeMs: number): StoreChanges | undefined {
    const entries = this.#dirty;
    if (!this.isWindowed) this.streamTimeMs = taskStreamTimeMs;
    // A window's lateness must not depend on a restart, so that its stream time is saved even without a row.
    const isTimeNews = this.isWindowed && this.streamTimeMs > this.#capturedStreamTimeMs;
    if (entries.length === 0 && !isTimeNews) return undefined;
    this.#capturedStreamTimeMs = this.streamTimeMs;
    this.#dirty = [];
    const values: unknown[] = [];
    const timestampsMs: number[] = [];
    for (const entry of entries) {
      entry.isDirty = false;
      values.push(entry.value);
      timestampsMs.push(entry.timestampMs);
      write(this.#encodeKey(entry), this.#encodeValue(entry.value, entry.timestampMs));
    }
    write(META_KEY, encodeMetaValue(this.streamTimeMs));
    return { store: this, entries, values, timestampsMs, streamTimeMs: this.streamTimeMs };
  }

  /** The changes are in the log: queries and checkpoints may see them. */
  confirm(changes: StoreChanges): void {
    const { entries, values, timestampsMs } = changes;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      entry.committedValue = values[i];
      entry.committedTimestampMs = timestampsMs[i]!;
      if (entry.committedValue === null && entry.value === null && !entry.isDirty) this.remove(entry);
    }
    this.committedStreamTimeMs = changes.streamTimeMs;
    this.afterConfirm();
  }

  /** Applies one changelog record or checkpoint entry; false when it is none. */
  restore(encodedKey: Uint8Array, encodedValue: Uint8Array | null): boolean {
    const decoded = decodeKey(this.keySerde, encodedKey);
    if (decoded === undefined) return false;
    if (decoded.kind === 'meta') {
      if (encodedValue === null) return false;
      this.streamTimeMs = Math.max(this.streamTimeMs, decodeTimestamp(encodedValue));
      this.committedStreamTimeMs = this.streamTimeMs;
      this.#capturedStreamTimeMs = this.streamTimeMs;
      return true;
    }
    const { key, windowStartMs } = decoded;
    const entry = this.entryFor(this.idOf(key), key, windowStartMs);
    if (encodedValue === null) {
      this.remove(entry);
      return true;
    }
    entry.value = frozen(decodeRowValue(this.valueSerde, encodedValue));
    entry.timestampMs = decodeTimestamp(encodedValue);
    entry.committedValue = entry.value;
    entry.committedTimestampMs = entry.timestampMs;
    return true;
  }

  /** Called once, after the last `restore`. */
  restored(): void {
    this.afterConfirm();
  }

  /** The committed row as a changelog record would hold it; undefined for a row that is not committed. */
  encodeCommitted(entry: StateEntry): { key: Uint8Array; value: Uint8Array } | undefined {
    if (entry.committedValue === null) return undefined;
    const value = this.#encodeValue(entry.committedValue, entry.committedTimestampMs);
    assert(value !== null, 'a committed row has a value');
    return { key: this.#encodeKey(entry), value };
  }

  #encodeKey(entry: StateEntry): Uint8Array {
    return this.isWindowed
      ? encodeWindowedRowKey(this.keySerde, entry.key, entry.windowStartMs)
      : encodeRowKey(this.keySerde, entry.key);
  }

  #encodeValue(value: unknown, timestampMs: number): Uint8Array | null {
    return value === null ? null : encodeRowValue(this.valueSerde, value, timestampMs);
  }
}
