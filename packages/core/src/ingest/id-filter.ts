const BLOCK_WORDS = 8;
const BITS_PER_ID = 20;

/** One odd multiplier for each word of a block, as Parquet has them. */
const SALTS = new Int32Array([
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
]);

/**
 * A split-block Bloom filter: an id sets one bit in each of the eight words of one 32-byte block, so that a
 * test touches one cache line. At 20 bits an id about one test in 2,000 of an absent id says yes.
 * Source: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007); Apache Parquet's
 * BloomFilter.md.
 */
export class IdFilter {
  readonly words: Uint32Array;
  readonly #blocks: number;

  constructor(words: Uint32Array) {
    this.words = words;
    this.#blocks = words.length / BLOCK_WORDS;
  }

  /** An empty filter that is right for `count` ids. */
  static forIds(count: number): IdFilter {
    const blocks = Math.max(1, Math.ceil((count * BITS_PER_ID) / (BLOCK_WORDS * 32)));
    return new IdFilter(new Uint32Array(blocks * BLOCK_WORDS));
  }

  add(hashes: Uint32Array, at: number): void {
    const block = this.#blockOf(hashes[at + 1]!);
    const bits = hashes[at + 2]! | 0;
    for (let i = 0; i < BLOCK_WORDS; i++) {
      this.words[block + i]! |= 1 << (Math.imul(bits, SALTS[i]!) >>> 27);
    }
  }

  /** False: certainly not added. True: probably added. */
  mayHave(hashes: Uint32Array, at: number): boolean {
    const words = this.words;
    const block = this.#blockOf(hashes[at + 1]!);
    const bits = hashes[at + 2]! | 0;
    for (let i = 0; i < BLOCK_WORDS; i++) {
      if ((words[block + i]! & (1 << (Math.imul(bits, SALTS[i]!) >>> 27))) === 0) return false;
    }
    return true;
  }

  #blockOf(word: number): number {
    return Math.floor((word * this.#blocks) / 4294967296) * BLOCK_WORDS;
  }
}
