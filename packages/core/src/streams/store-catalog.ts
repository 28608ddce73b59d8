import { fail } from './errors.ts';
import { KeyValueStateStore } from './key-value-store.ts';
import type { QueryableStores, StoreRead, StoreRow } from './port.ts';
import { SessionStateStore } from './session-store.ts';
import type { StateEntry } from './state-entry.ts';
import type { StateStore } from './state-store.ts';
import { WindowStateStore } from './window-store.ts';

const LIMIT_DEFAULT = 1000;

interface CatalogEntry {
  /** One for each task. */
  readonly parts: Set<StateStore>;
  readonly listeners: Set<() => void>;
}

/** The stores that can be queried, over all tasks: what is committed, and nothing else. */
export class StoreCatalog implements QueryableStores {
  readonly #stores = new Map<string, CatalogEntry>();

  /** Makes a name known; its tasks' stores come with `add`, once they are restored. */
  declare(name: string): void {
    if (this.#stores.has(name)) {
      throw fail('STREAMS_DUPLICATE_NAME', {
        message: `Two topologies have a queryable store named '${name}'.`,
        details: { store: name },
      });
    }
    this.#stores.set(name, { parts: new Set(), listeners: new Set() });
  }

  /** Ignores stores that were not declared: they are private to their operator. */
  add(store: StateStore): void {
    this.#stores.get(store.name)?.parts.add(store);
    this.changed(store.name);
  }

  remove(store: StateStore): void {
    this.#stores.get(store.name)?.parts.delete(store);
  }

  /** To be called after a commit that changed the store. A listener that throws must not hurt the others. */
  changed(name: string): void {
    const entry = this.#stores.get(name);
    if (entry !== undefined) for (const listener of entry.listeners) listener();
  }

  names(): readonly string[] {
    return [...this.#stores.keys()].toSorted();
  }

  read(name: string, read: StoreRead): readonly StoreRow[] {
    const { parts } = this.#entry(name);
    const limit = read.limit ?? LIMIT_DEFAULT;
    const sessions: SessionStateStore[] = [];
    const windowed: WindowStateStore[] = [];
    const keyed: KeyValueStateStore[] = [];
    for (const part of parts) {
      if (part instanceof WindowStateStore) windowed.push(part);
      else if (part instanceof KeyValueStateStore) keyed.push(part);
      else if (part instanceof SessionStateStore) sessions.push(part);
    }
    if (sessions.length > 0) return readSessions(sessions, read, limit);
    return windowed.length > 0 ? readWindows(windowed, read, limit) : readKeys(keyed, read, limit);
  }

  streamTimeMs(name: string): number | undefined {
    let streamTimeMs = -1;
    for (const part of this.#entry(name).parts)
      streamTimeMs = Math.max(streamTimeMs, part.committedStreamTimeMs);
    return streamTimeMs < 0 ? undefined : streamTimeMs;
  }

  onChange(name: string, listener: () => void): () => void {
    const { listeners } = this.#entry(name);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  #entry(name: string): CatalogEntry {
    const entry = this.#stores.get(name);
    if (entry !== undefined) return entry;
    throw fail('STREAMS_NO_SUCH_STORE', {
      message: `There is no queryable store named '${name}'.`,
      details: { store: name, stores: this.names() },
    });
  }
}

function readWindows(stores: readonly WindowStateStore[], read: StoreRead, limit: number): StoreRow[] {
  const { key, sinceMs = -Infinity, untilMs = Infinity } = read;
  const starts = new Set(stores.flatMap((store) => store.windowStarts()));
  const rows: StoreRow[] = [];
  for (const startMs of [...starts].toSorted((one, other) => other - one)) {
    if (startMs < sinceMs || startMs >= untilMs) continue;
    const smallest = new SmallestKeys(limit - rows.length);
    for (const store of stores) {
      const window = store.window(startMs);
      if (window === undefined) continue;
      if (key === undefined) for (const entry of window.values()) smallest.add(entry);
      else smallest.add(window.get(key));
    }
    const endMs = startMs + stores[0]!.sizeMs;
    for (const entry of smallest.sorted()) {
      rows.push({
        key: keyText(entry),
        windowStartMs: startMs,
        windowEndMs: endMs,
        value: entry.committedValue,
      });
    }
    if (rows.length >= limit) break;
  }
  return rows;
}

/** Newest first; `sinceMs` and `untilMs` are about a session's start, as with windows. */
function readSessions(stores: readonly SessionStateStore[], read: StoreRead, limit: number): StoreRow[] {
  const { key, sinceMs = -Infinity, untilMs = Infinity } = read;
  const rows: StoreRow[] = [];
  for (const store of stores) {
    for (const entry of store.rows(key)) {
      const { windowStartMs, committedTimestampMs, committedValue: value } = entry;
      if (value === null || windowStartMs < sinceMs || windowStartMs >= untilMs) continue;
      rows.push({ key: keyText(entry), windowStartMs, windowEndMs: committedTimestampMs, value });
    }
  }
  rows.sort((one, other) => {
    return other.windowStartMs! - one.windowStartMs! || (one.key < other.key ? -1 : 1);
  });
  return rows.slice(0, limit);
}

function readKeys(stores: readonly KeyValueStateStore[], read: StoreRead, limit: number): StoreRow[] {
  const smallest = new SmallestKeys(limit);
  for (const store of stores) {
    if (read.key === undefined) for (const entry of store.entries()) smallest.add(entry);
    else smallest.add(store.committed(read.key));
  }
  return smallest.sorted().map((entry) => ({ key: keyText(entry), value: entry.committedValue }));
}

function keyText({ key }: StateEntry): string {
  return typeof key === 'string' ? key : JSON.stringify(key);
}

/** The first `limit` committed rows by key, out of any number, without sorting them all. */
class SmallestKeys {
  readonly #limit: number;
  #rows: { readonly text: string; readonly entry: StateEntry }[] = [];
  #largest: string | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(entry: StateEntry | undefined): void {
    if (entry === undefined || entry.committedValue === null) return;
    const text = keyText(entry);
    if (this.#largest !== undefined && text > this.#largest) return;
    this.#rows.push({ text, entry });
    if (this.#rows.length >= 2 * this.#limit + 1000) this.#cut();
  }

  sorted(): StateEntry[] {
    this.#cut();
    return this.#rows.map(({ entry }) => entry);
  }

  #cut(): void {
    this.#rows.sort((one, other) => (one.text < other.text ? -1 : one.text > other.text ? 1 : 0));
    if (this.#rows.length < this.#limit) return;
    this.#rows.length = this.#limit;
    this.#largest = this.#rows.at(-1)?.text;
  }
}
