import type { StateEntry, StoreKey } from './state-entry.ts';

/** Above this many entries they are spread over several maps. */
const SPREAD_AT = 32_768;
const SHARDS = 32;

/**
 * Entries by id. A Map that grows is rehashed at once, which takes 40 ms at a million entries; so that no
 * task stops for that long, a large one is spread over many small ones.
 */
export class EntryMap {
  #shards: Map<StoreKey, StateEntry>[] = [new Map()];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: StoreKey): StateEntry | undefined {
    return this.#shard(id).get(id);
  }

  add(entry: StateEntry): void {
    this.#shard(entry.id).set(entry.id, entry);
    this.#size++;
    if (this.#size > SPREAD_AT && this.#shards.length === 1) this.#spread();
  }

  delete(id: StoreKey): void {
    if (this.#shard(id).delete(id)) this.#size--;
  }

  clear(): void {
    this.#shards = [new Map()];
    this.#size = 0;
  }

  /** All entries, in no particular order; safe while entries come and go. */
  *values(): IterableIterator<StateEntry> {
    for (const shard of this.#shards) yield* shard.values();
  }

  #shard(id: StoreKey): Map<StoreKey, StateEntry> {
    const shards = this.#shards;
    return shards.length === 1 ? shards[0]! : shards[spreadOf(id)]!;
  }

  #spread(): void {
    const [all] = this.#shards;
    this.#shards = Array.from({ length: SHARDS }, () => new Map());
    for (const entry of all!.values()) this.#shard(entry.id).set(entry.id, entry);
  }
}

/** Cheap rather than even: a full hash would cost more than the look-up. */
function spreadOf(id: StoreKey): number {
  if (typeof id !== 'string') return Number(id) & (SHARDS - 1);
  const { length } = id;
  if (length < 2) return length === 0 ? 0 : id.charCodeAt(0) & (SHARDS - 1);
  return (
    (id.charCodeAt(length - 1) * 7 + id.charCodeAt(length - 2) * 3 + id.charCodeAt(length >> 1)) &
    (SHARDS - 1)
  );
}
