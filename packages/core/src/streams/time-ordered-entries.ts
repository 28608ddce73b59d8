import { StateEntry, type StoreKey } from './state-entry.ts';

/** Entries by key, several a key, each key's in the order of their window starts. */
export class TimeOrderedEntries {
  readonly #byId = new Map<StoreKey, StateEntry[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A key's entries. */
  of(id: StoreKey): readonly StateEntry[] {
    return this.#byId.get(id) ?? [];
  }

  /** The entry of a key and start, made when there is none. */
  entry(id: StoreKey, key: unknown, startMs: number): StateEntry {
    let entries = this.#byId.get(id);
    if (entries === undefined) this.#byId.set(id, (entries = []));
    // Nearly every one is the latest of its key.
    let index = entries.length;
    while (index > 0 && entries[index - 1]!.windowStartMs > startMs) index--;
    const before = entries[index - 1];
    if (before?.windowStartMs === startMs) return before;
    const entry = new StateEntry(id, key, startMs);
    entries.splice(index, 0, entry);
    this.#size++;
    return entry;
  }

  delete(entry: StateEntry): void {
    const entries = this.#byId.get(entry.id);
    const index = entries?.indexOf(entry) ?? -1;
    if (index < 0) return;
    entries!.splice(index, 1);
    this.#size--;
    if (entries!.length === 0) this.#byId.delete(entry.id);
  }

  /** Drops the entries that `isKept` refuses. */
  retain(isKept: (entry: StateEntry) => boolean): void {
    for (const [id, entries] of this.#byId) {
      const kept = entries.filter(isKept);
      this.#size -= entries.length - kept.length;
      if (kept.length === 0) this.#byId.delete(id);
      else if (kept.length < entries.length) this.#byId.set(id, kept);
    }
  }

  clear(): void {
    this.#byId.clear();
    this.#size = 0;
  }

  /** All entries; safe while entries come and go. */
  *values(): IterableIterator<StateEntry> {
    // A list that shrinks while it is walked over would hide an entry.
    for (const entries of this.#byId.values()) yield* entries.slice();
  }
}
