import { EntryMap } from './entry-map.ts';
import { StateEntry, type StoreKey } from './state-entry.ts';
import { StateStore, type StateStoreOptions } from './state-store.ts';

export interface WindowStoreOptions extends StateStoreOptions {
  readonly sizeMs: number;
  /** Windows are kept while they start later than stream time less this. */
  readonly retentionMs: number;
}

/** Rows by window and key. Windows expire by stream time, whole. */
export class WindowStateStore extends StateStore {
  readonly sizeMs: number;
  readonly retentionMs: number;
  readonly #windows = new Map<number, EntryMap>();
  // Nearly every record falls into the window of the record before it.
  #recentStartMs = NaN;
  #recent: EntryMap | undefined;
  protected readonly isWindowed = true;

  constructor(options: WindowStoreOptions) {
    super(options);
    this.sizeMs = options.sizeMs;
    this.retentionMs = options.retentionMs;
  }

  get entryCount(): number {
    let count = 0;
    for (const window of this.#windows.values()) count += window.size;
    return count;
  }

  /** The entry of a key in a window, whether it has a row or not. */
  entry(key: unknown, windowStartMs: number): StateEntry {
    return this.entryFor(this.idOf(key), key, windowStartMs);
  }

  /** Starts of the windows that there are, newest first. */
  windowStarts(): number[] {
    return [...this.#windows.keys()].toSorted((one, other) => other - one);
  }

  window(startMs: number): Pick<EntryMap, 'get' | 'values'> | undefined {
    return this.#windows.get(startMs);
  }

  *entries(): IterableIterator<StateEntry> {
    for (const window of this.#windows.values()) yield* window.values();
  }

  clear(): void {
    this.#windows.clear();
    this.#forget();
    this.streamTimeMs = -1;
    this.committedStreamTimeMs = -1;
  }

  protected entryFor(id: StoreKey, key: unknown, windowStartMs: number): StateEntry {
    const window = windowStartMs === this.#recentStartMs ? this.#recent! : this.#windowAt(windowStartMs);
    let entry = window.get(id);
    if (entry === undefined) {
      entry = new StateEntry(id, key, windowStartMs);
      window.add(entry);
    }
    return entry;
  }

  protected remove(entry: StateEntry): void {
    const window = this.#windows.get(entry.windowStartMs);
    window?.delete(entry.id);
    if (window?.size === 0) {
      this.#windows.delete(entry.windowStartMs);
      this.#forget();
    }
  }

  /** Drops the windows that no record can reach any more and nobody keeps. */
  protected afterConfirm(): void {
    for (const startMs of this.#windows.keys()) {
      if (startMs > this.committedStreamTimeMs - this.retentionMs) continue;
      this.#windows.delete(startMs);
      this.#forget();
    }
  }

  #windowAt(startMs: number): EntryMap {
    let window = this.#windows.get(startMs);
    if (window === undefined) {
      window = new EntryMap();
      this.#windows.set(startMs, window);
    }
    this.#recentStartMs = startMs;
    this.#recent = window;
    return window;
  }

  #forget(): void {
    this.#recentStartMs = NaN;
    this.#recent = undefined;
  }
}
