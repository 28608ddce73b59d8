import type { CacheFigures } from './worker-messages.ts';

interface Held<Answer> {
  readonly version: string;
  readonly answer: Answer;
  readonly bytes: number;
  /** When it was asked for, as a number that grows: an older answer never replaces a newer one. */
  readonly asked: number;
}

/**
 * Answers by query, each with the data version for which it was asked. An answer is given again only at its
 * own version, and a query in flight is shared only by those who ask at its version: no timer, no answer
 * older than the question. One answer is kept for a query; the least recently used ones go when there are
 * more bytes than `bytesMax`.
 */
export class VersionedCache<Answer> {
  readonly #bytesMax: number;
  readonly #bytesOf: (answer: Answer) => number;
  readonly #held = new Map<string, Held<Answer>>();
  readonly #flights = new Map<string, Promise<Answer>>();
  #bytes = 0;
  #asked = 0;
  #hits = 0;
  #misses = 0;

  constructor(options: { bytesMax: number; bytesOf: (answer: Answer) => number }) {
    this.#bytesMax = options.bytesMax;
    this.#bytesOf = options.bytesOf;
  }

  get figures(): CacheFigures {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#bytes, entries: this.#held.size };
  }

  /**
   * The answer to `query` at `version`, which must have been read before the call. `ask` gets it when it is
   * not here; it may see newer data, never older. Failures are not kept.
   */
  async answer(query: string, version: string, ask: () => Promise<Answer>): Promise<Answer> {
    const held = this.#held.get(query);
    if (held !== undefined && held.version === version) {
      this.#held.delete(query);
      this.#held.set(query, held);
      this.#hits++;
      return held.answer;
    }
    const key = `${version} ${query}`;
    const flight = this.#flights.get(key);
    if (flight !== undefined) {
      this.#hits++;
      return await flight;
    }
    this.#misses++;
    const asked = ++this.#asked;
    const started = ask();
    this.#flights.set(key, started);
    try {
      const answer = await started;
      this.#keep(query, { version, answer, asked, bytes: query.length + this.#bytesOf(answer) });
      return answer;
    } finally {
      this.#flights.delete(key);
    }
  }

  #keep(query: string, entry: Held<Answer>): void {
    const before = this.#held.get(query);
    if (before !== undefined) {
      if (before.asked > entry.asked) return;
      this.#drop(query, before);
    }
    if (entry.bytes > this.#bytesMax) return;
    this.#held.set(query, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, held] of this.#held) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#drop(oldest, held);
    }
  }

  #drop(query: string, held: Held<Answer>): void {
    this.#held.delete(query);
    this.#bytes -= held.bytes;
  }
}
