import { EntryMap } from './entry-map.ts';
import { StateEntry, type StoreKey } from './state-entry.ts';
import { StateStore } from './state-store.ts';

/** A state store as processors see it. Values are frozen when put: put a new one instead of changing it. */
export interface KeyValueStore<K, V> {
  get(key: K): V | undefined;
  put(key: K, value: V): void;
  delete(key: K): void;
  /** All rows, in no particular order; rows may be put and deleted meanwhile. */
  entries(): IterableIterator<readonly [key: K, value: V]>;
}

/** Rows by key. */
export class KeyValueStateStore extends StateStore {
  readonly #entries = new EntryMap();
  protected readonly isWindowed = false;

  get entryCount(): number {
    return this.#entries.size;
  }

  /** The entry of a key, whether it has a row or not. */
  entry(key: unknown): StateEntry {
    return this.entryFor(this.idOf(key), key);
  }

  /** The row's value; null when there is none. */
  get(key: unknown): unknown {
    return this.#entries.get(this.idOf(key))?.value ?? null;
  }

  committed(id: StoreKey): StateEntry | undefined {
    return this.#entries.get(id);
  }

  entries(): IterableIterator<StateEntry> {
    return this.#entries.values();
  }

  clear(): void {
    this.#entries.clear();
    this.streamTimeMs = -1;
    this.committedStreamTimeMs = -1;
  }

  protected entryFor(id: StoreKey, key: unknown): StateEntry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = new StateEntry(id, key, 0);
      this.#entries.add(entry);
    }
    return entry;
  }

  protected remove(entry: StateEntry): void {
    this.#entries.delete(entry.id);
  }

  protected afterConfirm(): void {}
}

/** The face of a store that a user's processor gets. */
export class KeyValueStoreView<K, V> implements KeyValueStore<K, V> {
  readonly #store: KeyValueStateStore;
  readonly #timestampMs: () => number;

  constructor(store: KeyValueStateStore, timestampMs: () => number) {
    this.#store = store;
    this.#timestampMs = timestampMs;
  }

  get(key: K): V | undefined {
    return (this.#store.get(key) ?? undefined) as V | undefined;
  }

  put(key: K, value: V): void {
    this.#write(this.#store.entry(key), value);
  }

  delete(key: K): void {
    if (this.#store.get(key) !== null) this.#write(this.#store.entry(key), null);
  }

  *entries(): IterableIterator<readonly [key: K, value: V]> {
    for (const entry of this.#store.entries()) {
      if (entry.value !== null) yield [entry.key as K, entry.value as V];
    }
  }

  #write(entry: StateEntry, value: unknown): void {
    this.#store.write(entry, value, this.#timestampMs());
  }
}
