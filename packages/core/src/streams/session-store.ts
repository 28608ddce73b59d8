import { StateEntry, type StoreKey } from './state-entry.ts';
import { StateStore, type StateStoreOptions } from './state-store.ts';

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
  /** In the order of time. */
  readonly #sessions = new Map<StoreKey, StateEntry[]>();
  #sweptMs = -1;
  protected readonly isWindowed = true;
  entryCount = 0;

  constructor(options: SessionStoreOptions) {
    super(options);
    this.#retentionMs = options.retentionMs;
  }

  /** The key's sessions that end at `earliestEndMs` or later and start at `latestStartMs` or earlier. */
  find(key: unknown, earliestEndMs: number, latestStartMs: number): StateEntry[] {
    const rows = this.#sessions.get(this.idOf(key)) ?? [];
    const fromMs = Math.max(earliestEndMs, this.streamTimeMs - this.#retentionMs + 1);
    return rows.filter(({ value, windowStartMs, timestampMs }) => {
      return value !== null && timestampMs >= fromMs && windowStartMs <= latestStartMs;
    });
  }

  /** Puts a session, unless it is past retention already; its end is `endMs`. */
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
    return key === undefined ? this.entries() : (this.#sessions.get(this.idOf(key)) ?? []);
  }

  *entries(): IterableIterator<StateEntry> {
    for (const rows of this.#sessions.values()) yield* rows;
  }

  clear(): void {
    this.#sessions.clear();
    this.entryCount = 0;
    this.#sweptMs = -1;
    this.streamTimeMs = -1;
    this.committedStreamTimeMs = -1;
  }

  protected entryFor(id: StoreKey, key: unknown, startMs: number): StateEntry {
    let rows = this.#sessions.get(id);
    if (rows === undefined) this.#sessions.set(id, (rows = []));
    let index = rows.length;
    while (index > 0 && rows[index - 1]!.windowStartMs > startMs) index--;
    const before = rows[index - 1];
    if (before?.windowStartMs === startMs) return before;
    const entry = new StateEntry(id, key, startMs);
    rows.splice(index, 0, entry);
    this.entryCount++;
    return entry;
  }

  protected remove(entry: StateEntry): void {
    const rows = this.#sessions.get(entry.id);
    const index = rows?.indexOf(entry) ?? -1;
    if (index < 0) return;
    rows!.splice(index, 1);
    this.entryCount--;
    if (rows!.length === 0) this.#sessions.delete(entry.id);
  }

  // All rows are walked over, so not at each commit but four times per retention.
  protected afterConfirm(): void {
    if (this.committedStreamTimeMs < this.#sweptMs + this.#retentionMs / 4) return;
    this.#sweptMs = this.committedStreamTimeMs;
    const fromMs = this.committedStreamTimeMs - this.#retentionMs + 1;
    for (const [id, rows] of this.#sessions) {
      const kept = rows.filter(({ timestampMs, isDirty }) => isDirty || timestampMs >= fromMs);
      this.entryCount -= rows.length - kept.length;
      if (kept.length === 0) this.#sessions.delete(id);
      else if (kept.length < rows.length) this.#sessions.set(id, kept);
    }
  }
}
