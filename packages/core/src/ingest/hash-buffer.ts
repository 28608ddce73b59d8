const WORDS = 4;
const HASHES_MIN = 256;

/** Hashes in the order they came, four words each. */
export class HashBuffer {
  #words = new Uint32Array(HASHES_MIN * WORDS);
  #end = 0;

  get count(): number {
    return this.#end / WORDS;
  }

  append(hashes: Uint32Array, at: number): void {
    if (this.#end === this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    const words = this.#words;
    let end = this.#end;
    words[end++] = hashes[at]!;
    words[end++] = hashes[at + 1]!;
    words[end++] = hashes[at + 2]!;
    words[end++] = hashes[at + 3]!;
    this.#end = end;
  }

  /** All of them; the buffer is empty afterwards. */
  take(): Uint32Array {
    const taken = this.#words.slice(0, this.#end);
    this.#end = 0;
    if (this.#words.length > 64 * HASHES_MIN * WORDS) this.#words = new Uint32Array(HASHES_MIN * WORDS);
    return taken;
  }
}
