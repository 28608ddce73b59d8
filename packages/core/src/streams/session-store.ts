import type { StateEntry, StoreKey } from './state-entry.ts';
import { StateStore, type StateStoreOptions } from './state-store.ts';
import { TimeOrderedEntries } from './time-ordered-entries.ts';

export interface SessionStoreOptions extends StateStoreOptions {
  /** Sessions are kept while they end later than the store's stream time less this. */
  readonly retentionMs: number;
}

/**
 * Rows by key and session. A row's window start is the session's first record's time, its timestamp the last
 * one's. Sessions of a key never overlap, so that the start tells them apart.
 */
export class SessionStateStore extends StateStore {
  readonly #retentionMs: number;
  readonly #sessions = new TimeOrderedEntries();
  #sweptMs = -1;
  protected readonly isWindowed = true;

  constructor(options: SessionStoreOptions) {
    super(options);
    this.#retentionMs = options.retentionMs;
  }

  get entryCount(): number {
    return this.#sessions.size;
  }

  /** The key's sessions that end at `earliestEndMs` or later and start at `latestStartMs` or earlier. */
  find(key: unknown, earliestEndMs: number, latestStartMs: number): StateEntry[] {
    const fromMs = Math.max(earliestEndMs, this.streamTimeMs - this.#retentionMs + 1);
    return this.#sessions.of(this.idOf(key)).filter(({ value, windowStartMs, timestampMs }) => {
      return value !== null && timestampMs >= fromMs && windowStartMs <= latestStartMs;
    });
  }

  /** Puts a session, from its first record's time to its last one's. */
  put(
    row: { readonly key: unknown; readonly startMs: number; readonly endMs: number },
    value: unknown,
  ): void {
    const { key, startMs, endMs } = row;
    if (endMs > this.streamTimeMs) this.streamTimeMs = endMs;
    this.write(this.entryFor(this.idOf(key), key, startMs), value, endMs);
  }

  /** All sessions of a key, or of all keys, whether committed or not. */
  rows(key?: unknown): Iterable<StateEntry> {
    return key === undefined ? this.entries() : this.#sessions.of(this.idOf(key));
  }

  entries(): IterableIterator<StateEntry> {
    return this.#sessions.values();
  }

  clear(): void {
    this.#sessions.clear();
    this.#sweptMs = -1;
    this.streamTimeMs = -1;
    this.committedStreamTimeMs = -1;
  }

  protected entryFor(id: StoreKey, key: unknown, startMs: number): StateEntry {
    return this.#sessions.entry(id, key, startMs);
  }

  protected remove(entry: StateEntry): void {
    this.#sessions.delete(entry);
  }

  // All rows are walked over, so not at each commit but four times per retention.
  protected afterConfirm(): void {
    if (this.committedStreamTimeMs < this.#sweptMs + this.#retentionMs / 4) return;
    this.#sweptMs = this.committedStreamTimeMs;
    const fromMs = this.committedStreamTimeMs - this.#retentionMs + 1;
    this.#sessions.retain(({ timestampMs, isDirty }) => isDirty || timestampMs >= fromMs);
  }
}
