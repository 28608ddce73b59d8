import { assert } from '../base/index.ts';

/**
 * Owner of an id whose event is durable. Larger numbers are the requests that have claimed an id; 0 is
 * nobody.
 */
export const STORED = 1;

const SLOTS_BITS_MIN = 12;
const WORDS = 4;
const LOAD_MAX = 0.75;
const SLOTS_PER_SLICE = 65_536;

/** The most ids that one table takes: 20 MiB of memory. */
export const TABLE_ENTRIES_MAX = LOAD_MAX * 2 ** 20;

/**
 * A set of 128-bit hashes with an owner each: open addressing with linear probing in typed arrays. The home
 * slot is the top bits of the hash, so growing walks both tables in order, and the table is almost sorted
 * when it is sealed. A hash is given as four words at a position of an array, so that no object is made for
 * it.
 */
export class IdTable {
  #bits: number;
  #words: Uint32Array;
  #owners: Uint32Array;
  #count = 0;
  #claimedCount = 0;

  /**
   * `expectedCount`: ids that will come. Ids that come in ascending order need a table of the right size from
   * the beginning: in a smaller one they would all crowd its first slots.
   */
  constructor(expectedCount = 0) {
    this.#bits = SLOTS_BITS_MIN;
    while (expectedCount > 2 ** this.#bits * LOAD_MAX) this.#bits++;
    this.#words = new Uint32Array(WORDS << this.#bits);
    this.#owners = new Uint32Array(1 << this.#bits);
  }

  /** Ids, claimed or stored. */
  get count(): number {
    return this.#count;
  }

  /** Ids whose fate is open. */
  get claimedCount(): number {
    return this.#claimedCount;
  }

  get byteLength(): number {
    return this.#words.byteLength + this.#owners.byteLength;
  }

  /** Who owns the id; 0 when it is not here. */
  ownerOf(hashes: Uint32Array, at: number): number {
    const slot = this.#find(hashes, at);
    return slot < 0 ? 0 : this.#owners[slot]!;
  }

  /** Enters the id for `owner` when it is not here and returns 0; else returns whom it belongs to. */
  claim(hashes: Uint32Array, at: number, owner: number): number {
    const slot = this.#find(hashes, at);
    if (slot >= 0) return this.#owners[slot]!;
    this.#insert(-1 - slot, hashes, at, owner);
    if (owner !== STORED) this.#claimedCount++;
    return 0;
  }

  /** A claimed id becomes stored. False when it is not here. */
  settle(hashes: Uint32Array, at: number): boolean {
    const slot = this.#find(hashes, at);
    if (slot < 0) return false;
    if (this.#owners[slot] !== STORED) this.#claimedCount--;
    this.#owners[slot] = STORED;
    return true;
  }

  /** Takes back what `owner` claimed; false when it is not here or not the owner's. */
  withdraw(hashes: Uint32Array, at: number, owner: number): boolean {
    const slot = this.#find(hashes, at);
    if (slot < 0 || this.#owners[slot] !== owner) return false;
    this.#remove(slot);
    this.#count--;
    this.#claimedCount--;
    return true;
  }

  /** The stored hashes in the table's order. */
  stored(): Uint32Array {
    const hashes = new Uint32Array((this.#count - this.#claimedCount) * WORDS);
    let end = 0;
    for (let slot = 0; slot < this.#owners.length; slot++) {
      if (this.#owners[slot] !== STORED) continue;
      for (let i = 0; i < WORDS; i++) hashes[end++] = this.#words[slot * WORDS + i]!;
    }
    return hashes;
  }

  /** All hashes, ascending. Gives way after each slice of work; the table must not change meanwhile. */
  *sorted(): Generator<void, Uint32Array, void> {
    assert(this.#claimedCount === 0, 'a table is sorted when no id in it is open');
    const target = new Uint32Array(this.#count * WORDS);
    let count = 0;
    for (let start = 0; start < this.#owners.length; start += SLOTS_PER_SLICE) {
      const end = Math.min(start + SLOTS_PER_SLICE, this.#owners.length);
      for (let slot = start; slot < end; slot++) {
        if (this.#owners[slot] !== 0 && this.#home(slot) <= slot)
          insertSorted(target, count++, this.#words, slot);
      }
      yield;
    }
    // Probing wrapped around: these stand at the beginning and belong to the end.
    for (let slot = 0; this.#owners[slot] !== 0 && slot < this.#owners.length; slot++) {
      if (this.#home(slot) > slot) insertSorted(target, count++, this.#words, slot);
    }
    return target;
  }

  /** The slot of the hash, or `-1 - slot` of the free slot where it would go. */
  #find(hashes: Uint32Array, at: number): number {
    const words = this.#words;
    const owners = this.#owners;
    const mask = owners.length - 1;
    const first = hashes[at]!;
    let slot = first >>> (32 - this.#bits);
    while (owners[slot] !== 0) {
      const position = slot * WORDS;
      if (
        words[position] === first &&
        words[position + 1] === hashes[at + 1] &&
        words[position + 2] === hashes[at + 2] &&
        words[position + 3] === hashes[at + 3]
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
    return -1 - slot;
  }

  // oxlint-disable-next-line max-params -- called once an event: positional, so that no object is made
  #insert(slot: number, hashes: Uint32Array, at: number, owner: number): void {
    if (this.#count >= this.#owners.length * LOAD_MAX) {
      this.#grow();
      slot = -1 - this.#find(hashes, at);
    }
    const position = slot * WORDS;
    this.#words[position] = hashes[at]!;
    this.#words[position + 1] = hashes[at + 1]!;
    this.#words[position + 2] = hashes[at + 2]!;
    this.#words[position + 3] = hashes[at + 3]!;
    this.#owners[slot] = owner;
    this.#count++;
  }

  #grow(): void {
    const words = this.#words;
    const owners = this.#owners;
    this.#bits++;
    this.#words = new Uint32Array(words.length * 2);
    this.#owners = new Uint32Array(owners.length * 2);
    for (let slot = 0; slot < owners.length; slot++) {
      if (owners[slot] === 0) continue;
      const target = -1 - this.#find(words, slot * WORDS);
      for (let i = 0; i < WORDS; i++) this.#words[target * WORDS + i] = words[slot * WORDS + i]!;
      this.#owners[target] = owners[slot]!;
    }
  }

  // Backward shift (Knuth, TAOCP 6.4, algorithm R): no tombstones, so probes stay short.
  #remove(slot: number): void {
    const mask = this.#owners.length - 1;
    let free = slot;
    for (let next = (free + 1) & mask; this.#owners[next] !== 0; next = (next + 1) & mask) {
      const home = this.#home(next);
      const staysBehind = free <= next ? free < home && home <= next : free < home || home <= next;
      if (staysBehind) continue;
      this.#words.copyWithin(free * WORDS, next * WORDS, next * WORDS + WORDS);
      this.#owners[free] = this.#owners[next]!;
      free = next;
    }
    this.#owners[free] = 0;
  }

  #home(slot: number): number {
    return this.#words[slot * WORDS]! >>> (32 - this.#bits);
  }
}

/** Less than 0, 0 or more: the order of two hashes. */
// oxlint-disable-next-line max-params -- the inner loop of sorting
export function compareHashes(one: Uint32Array, oneAt: number, other: Uint32Array, otherAt: number): number {
  for (let i = 0; i < WORDS; i++) {
    const difference = one[oneAt + i]! - other[otherAt + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Insertion from the end: hashes come almost in order. */
// oxlint-disable-next-line max-params -- the inner loop of sorting
function insertSorted(target: Uint32Array, count: number, words: Uint32Array, slot: number): void {
  const source = slot * WORDS;
  let position = count * WORDS;
  while (position > 0 && compareHashes(words, source, target, position - WORDS) < 0) {
    target.copyWithin(position, position - WORDS, position);
    position -= WORDS;
  }
  for (let i = 0; i < WORDS; i++) target[position + i] = words[source + i]!;
}
