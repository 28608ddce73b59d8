import type { Random } from '../base/index.ts';

const ID_BYTES_MAX = 128;

const scratch = new Uint8Array(ID_BYTES_MAX);
const text = new TextEncoder();

/** Four secret words, the first one odd. */
export type HashKey = readonly [number, number, number, number];

/**
 * Hashes event ids for one index. The first word is replaced by a secret multilinear combination of all four:
 * it decides the slot in the index, and without the secret nobody can choose ids that crowd one slot. As the
 * first factor is odd, different hashes stay different.
 * Source: Lemire, Kaser, "Strongly universal string hashing is fast" (2014).
 */
export class EventIdHasher {
  readonly key: HashKey;

  constructor(key: HashKey) {
    this.key = key;
  }

  /** Hashes a valid event id into four words at `target[at]`. */
  hash(id: string, target: Uint32Array, at: number): void {
    hashEventId(id, target, at);
    const key = this.key;
    target[at] =
      Math.imul(target[at]!, key[0]) +
      Math.imul(target[at + 1]!, key[1]) +
      Math.imul(target[at + 2]!, key[2]) +
      Math.imul(target[at + 3]!, key[3]);
  }
}

/** A key from a source of randomness. */
export function makeHashKey(random: Random): HashKey {
  const word = () => Math.floor(random.next() * 4294967296) >>> 0;
  return [(word() | 1) >>> 0, word(), word(), word()];
}

/**
 * The 128-bit hash of an event id (`isEventId`), as four words at `target[at]`: MurmurHash3 over its UTF-8
 * bytes.
 */
export function hashEventId(id: string, target: Uint32Array, at: number): void {
  const length = id.length;
  for (let i = 0; i < length; i++) {
    const code = id.charCodeAt(i);
    if (code >= 0x80) {
      const { written } = text.encodeInto(id, scratch);
      return murmur3(written, target, at);
    }
    scratch[i] = code;
  }
  murmur3(length, target, at);
}

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

// MurmurHash3_x86_128 with seed 0, over the first `length` bytes of `scratch`.
// Source: Austin Appleby, smhasher, MurmurHash3.cpp (public domain).
function murmur3(length: number, target: Uint32Array, at: number): void {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  const wholeEnd = length & ~15;
  for (let i = 0; i < wholeEnd; i += 16) {
    h1 ^= Math.imul(rotate(Math.imul(word(i), C1), 15), C2);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(word(i + 4), C2), 16), C3);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(word(i + 8), C3), 17), C4);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(word(i + 12), C4), 18), C1);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  const rest = length - wholeEnd;
  if (rest > 12) h4 ^= Math.imul(rotate(Math.imul(tail(wholeEnd + 12, length), C4), 18), C1);
  if (rest > 8) h3 ^= Math.imul(rotate(Math.imul(tail(wholeEnd + 8, length), C3), 17), C4);
  if (rest > 4) h2 ^= Math.imul(rotate(Math.imul(tail(wholeEnd + 4, length), C2), 16), C3);
  if (rest > 0) h1 ^= Math.imul(rotate(Math.imul(tail(wholeEnd, length), C1), 15), C2);

  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = finish(h1);
  h2 = finish(h2);
  h3 = finish(h3);
  h4 = finish(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  target[at] = h1;
  target[at + 1] = h2 + h1;
  target[at + 2] = h3 + h1;
  target[at + 3] = h4 + h1;
}

function word(at: number): number {
  return scratch[at]! | (scratch[at + 1]! << 8) | (scratch[at + 2]! << 16) | (scratch[at + 3]! << 24);
}

/** Up to four bytes from `at`, as far as `end`. */
function tail(at: number, end: number): number {
  let value = scratch[at]!;
  if (at + 1 < end) value |= scratch[at + 1]! << 8;
  if (at + 2 < end) value |= scratch[at + 2]! << 16;
  if (at + 3 < end) value |= scratch[at + 3]! << 24;
  return value;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finish(value: number): number {
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}
