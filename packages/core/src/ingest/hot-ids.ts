import { assert } from '../base/index.ts';
import type { JournalBlock, JournalGroup } from './dedup-journal.ts';
import { HashBuffer } from './hash-buffer.ts';
import { IdTable, STORED, TABLE_ENTRIES_MAX } from './id-table.ts';

const HOUR_MS = 3_600_000;

/** The claims of one request: arrays with an entry for each event of the request. */
export interface Claims {
  /** The request's number, above `STORED`. */
  readonly owner: number;
  /** Four words an event. */
  readonly hashes: Uint32Array;
  /**
   * Set by `claim`: 0 this request owns the id now, `STORED` it is a duplicate, else the owner whose fate
   * decides.
   */
  readonly holders: Uint32Array;
}

/** Ids that arrived within one hour and are still in memory. */
export interface HotPart {
  readonly sequence: number;
  /** When the first of them arrived. */
  readonly sinceMs: number;
  readonly table: IdTable;
  /** Stored, but not yet in the journal. */
  readonly unflushed: HashBuffer;
}

/** The ids in memory: the part that grows, and parts that are full or past and wait to be sealed. */
export class HotIds {
  readonly #entriesMax: number;
  #nextSequence = 1;
  /** Oldest first. */
  #frozen: HotPart[] = [];
  #hot: HotPart;

  /** `entriesMax`: ids that a part takes before it is frozen. */
  constructor(entriesMax: number = TABLE_ENTRIES_MAX) {
    this.#entriesMax = entriesMax;
    this.#hot = this.#newPart(0);
  }

  /** Oldest first; the last one grows. */
  get parts(): readonly HotPart[] {
    return [...this.#frozen, this.#hot];
  }

  get frozenCount(): number {
    return this.#frozen.length;
  }

  /** The number that the next part will get. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** When the newest part began. */
  get sinceMs(): number {
    return this.#hot.sinceMs;
  }

  get count(): number {
    return this.parts.reduce((sum, part) => sum + part.table.count, 0);
  }

  get byteLength(): number {
    return this.parts.reduce((sum, part) => sum + part.table.byteLength, 0);
  }

  /** Ids that wait for the journal. */
  get unflushedCount(): number {
    return this.parts.reduce((sum, part) => sum + part.unflushed.count, 0);
  }

  /** Begins with what a journal holds. */
  restore(blocks: readonly JournalBlock[], nextSequence: number): void {
    const groups = blocks.flatMap((block) => block.groups);
    const counts = new Map<number, number>();
    for (const { sequence, hashes } of groups) {
      counts.set(sequence, (counts.get(sequence) ?? 0) + hashes.length / 4);
    }
    const parts = new Map<number, HotPart>();
    this.#nextSequence = nextSequence;
    for (const { sequence, sinceMs, hashes } of groups) {
      let part = parts.get(sequence);
      if (part === undefined) {
        const table = new IdTable(counts.get(sequence));
        part = { sequence, sinceMs, table, unflushed: new HashBuffer() };
        parts.set(sequence, part);
      }
      for (let at = 0; at < hashes.length; at += 4) part.table.claim(hashes, at, STORED);
      this.#nextSequence = Math.max(this.#nextSequence, sequence + 1);
    }
    const ordered = [...parts.values()].toSorted((a, b) => a.sequence - b.sequence);
    this.#hot = ordered.pop() ?? this.#newPart(0);
    this.#frozen = ordered;
  }

  /**
   * Begins a new part when an hour has passed or the current one has no room for `count` more; true when it
   * did. A clock that goes back changes nothing.
   */
  makeRoom(count: number, receivedAtMs: number): boolean {
    const hasPassed = Math.floor(receivedAtMs / HOUR_MS) > Math.floor(this.#hot.sinceMs / HOUR_MS);
    const isFull = this.#hot.table.count > 0 && this.#hot.table.count + count > this.#entriesMax;
    if (!hasPassed && !isFull) return false;
    if (this.#hot.table.count > 0) this.#frozen.push(this.#hot);
    this.#hot = this.#newPart(Math.max(receivedAtMs, this.#hot.sinceMs));
    return true;
  }

  claim(events: readonly number[], claims: Claims): void {
    const { hashes, holders, owner } = claims;
    const { table } = this.#hot;
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      const holder = this.#frozen.length === 0 ? 0 : this.#frozenHolder(hashes, event * 4);
      holders[event] = holder === 0 ? table.claim(hashes, event * 4, owner) : holder;
    }
  }

  /** The id is in the log. */
  enter(hashes: Uint32Array, at: number): void {
    const holder = this.#frozen.length === 0 ? 0 : this.#frozenHolder(hashes, at);
    if (holder !== 0) return this.settle(hashes, at);
    if (this.#hot.table.claim(hashes, at, STORED) === 0) this.#hot.unflushed.append(hashes, at);
    else this.settle(hashes, at);
  }

  /** A claimed id is durable. */
  settle(hashes: Uint32Array, at: number): void {
    for (let i = 0; i < this.#frozen.length; i++) {
      if (!this.#frozen[i]!.table.settle(hashes, at)) continue;
      return this.#frozen[i]!.unflushed.append(hashes, at);
    }
    const isHere = this.#hot.table.settle(hashes, at);
    assert(isHere, 'an id that is settled was claimed before');
    this.#hot.unflushed.append(hashes, at);
  }

  /** A claimed id was not stored after all. */
  withdraw(hashes: Uint32Array, at: number, owner: number): void {
    if (this.#hot.table.withdraw(hashes, at, owner)) return;
    for (let i = 0; i < this.#frozen.length; i++) {
      if (this.#frozen[i]!.table.withdraw(hashes, at, owner)) return;
    }
    // Nobody else's claim is withdrawn: the id was read from the log meanwhile, where another producer put
    // it.
  }

  /** A frozen part whose ids all have their fate. */
  sealable(): HotPart | undefined {
    return this.#frozen.find((part) => part.table.claimedCount === 0);
  }

  /** The part is on disk now, or given up. */
  remove(part: HotPart): void {
    this.#frozen = this.#frozen.filter((other) => other !== part);
  }

  /** Everything stored, as a checkpoint wants it. */
  takeAll(): JournalGroup[] {
    return this.parts.map(({ sequence, sinceMs, table, unflushed }) => {
      unflushed.take();
      return { sequence, sinceMs, hashes: table.stored() };
    });
  }

  /** What was stored since the last time. */
  takeUnflushed(): JournalGroup[] {
    const parts = this.parts.filter((part) => part.unflushed.count > 0);
    return parts.map(({ sequence, sinceMs, unflushed }) => ({ sequence, sinceMs, hashes: unflushed.take() }));
  }

  #newPart(sinceMs: number): HotPart {
    return { sequence: this.#nextSequence++, sinceMs, table: new IdTable(), unflushed: new HashBuffer() };
  }

  #frozenHolder(hashes: Uint32Array, at: number): number {
    for (let i = 0; i < this.#frozen.length; i++) {
      const holder = this.#frozen[i]!.table.ownerOf(hashes, at);
      if (holder !== 0) return holder;
    }
    return 0;
  }
}
