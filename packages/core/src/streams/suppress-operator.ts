import type { KeyValueStateStore } from './key-value-store.ts';
import { Operator, type TaskScope } from './operator.ts';
import type { Serde } from './serde.ts';
import type { StateEntry } from './state-entry.ts';
import { StreamRecord, type Pending } from './stream-record.ts';
import type { BufferedUpdate } from './suppress-codec.ts';
import type { Windowed } from './windows.ts';

export interface SuppressPlan {
  /** How far stream time has to be past an update's time (its window's end, or its own). */
  readonly waitMs: number;
  readonly isUntilWindowCloses: boolean;
  /** Above this many keys the earliest updates are sent before their time. */
  readonly bufferRecordsMax: number;
}

export interface SuppressOptions extends SuppressPlan {
  readonly storeName: string;
  readonly keySerde: Serde<unknown>;
}

/**
 * KTable.suppress: holds a table's updates, the last one of each key, until their time has come by the event
 * time of the updates seen here (KIP-328). Sent in the order of time, then of the keys' bytes. A row that is
 * deleted before its window closes was never there.
 */
export class SuppressOperator extends Operator {
  readonly #options: SuppressOptions;
  readonly #store: KeyValueStateStore;
  /** Held entries by their time. */
  readonly #held = new Map<number, Set<StateEntry>>();
  /** The times that there are, ascending. */
  readonly #timesMs: number[] = [];
  #heldCount = 0;
  #streamTimeMs = -1;

  constructor(name: string, scope: TaskScope, options: SuppressOptions) {
    super(name, scope);
    this.#options = options;
    this.#store = scope.store(options.storeName);
    for (const entry of this.#store.entries()) {
      if (entry.value !== null) this.#hold(entry);
    }
  }

  process(record: StreamRecord): Pending {
    const { key, value, timestampMs, headers } = record;
    this.#streamTimeMs = Math.max(this.#streamTimeMs, timestampMs);
    const entry = this.#store.entry(key);
    const before = entry.value as BufferedUpdate | null;
    const timeMs = before?.timeMs ?? this.#timeOf(record);
    const update: BufferedUpdate = { timeMs, value, headers };
    this.#store.write(entry, update, timestampMs);
    if (before === null) this.#hold(entry);
    const due = this.#takeDue();
    return due.length === 0 ? undefined : this.forwardAll(due);
  }

  #timeOf({ key, timestampMs }: StreamRecord): number {
    return this.#options.isUntilWindowCloses ? (key as Windowed<unknown>).endMs : timestampMs;
  }

  #hold(entry: StateEntry): void {
    const { timeMs } = entry.value as BufferedUpdate;
    let entries = this.#held.get(timeMs);
    if (entries === undefined) {
      this.#held.set(timeMs, (entries = new Set()));
      let index = this.#timesMs.length;
      while (index > 0 && this.#timesMs[index - 1]! > timeMs) index--;
      this.#timesMs.splice(index, 0, timeMs);
    }
    entries.add(entry);
    this.#heldCount++;
  }

  #takeDue(): StreamRecord[] {
    const { waitMs, bufferRecordsMax } = this.#options;
    const due: StreamRecord[] = [];
    while (this.#timesMs.length > 0) {
      const timeMs = this.#timesMs[0]!;
      const isDue = timeMs <= this.#streamTimeMs - waitMs;
      if (!isDue && this.#heldCount <= bufferRecordsMax) break;
      for (const entry of this.#inKeyOrder(this.#held.get(timeMs)!)) {
        if (!isDue && this.#heldCount <= bufferRecordsMax) break;
        this.#release(entry, timeMs, due);
      }
    }
    return due;
  }

  #release(entry: StateEntry, timeMs: number, due: StreamRecord[]): void {
    const entries = this.#held.get(timeMs)!;
    entries.delete(entry);
    this.#heldCount--;
    if (entries.size === 0) {
      this.#held.delete(timeMs);
      this.#timesMs.shift();
    }
    const { value, headers } = entry.value as BufferedUpdate;
    const { key, timestampMs } = entry;
    if (value !== null || !this.#options.isUntilWindowCloses) {
      due.push(new StreamRecord(key, value, timestampMs, headers));
    }
    this.#store.write(entry, null, timestampMs);
  }

  #inKeyOrder(entries: ReadonlySet<StateEntry>): StateEntry[] {
    if (entries.size === 1) return [...entries];
    const { keySerde } = this.#options;
    const byKey = [...entries].map((entry) => ({ entry, bytes: keySerde.serialize(entry.key) }));
    byKey.sort((one, other) => Buffer.compare(one.bytes, other.bytes));
    return byKey.map(({ entry }) => entry);
  }
}
