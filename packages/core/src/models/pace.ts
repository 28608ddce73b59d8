import type { Clock } from '../base/index.ts';

export interface PaceOptions {
  /** The share of all time that the work may take. */
  readonly shareMax: number;
  readonly pauseMsMin: number;
}

/** Paces work by its own cost: after each piece there is a pause in proportion to the time that it took. */
export class Pace {
  readonly #clock: Clock;
  readonly #options: PaceOptions;
  #dueMs = -Infinity;

  constructor(clock: Clock, options: PaceOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  isDue(): boolean {
    return this.#clock.monotonicMs() >= this.#dueMs;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const startMs = this.#clock.monotonicMs();
    try {
      return await work();
    } finally {
      const endMs = this.#clock.monotonicMs();
      this.#dueMs = endMs + Math.max(this.#options.pauseMsMin, (endMs - startMs) / this.#options.shareMax);
    }
  }
}
