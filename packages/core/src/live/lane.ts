/**
 * Lets at most `concurrencyMax` evaluations of one source run at a time; the longest-waiting enters first.
 */
export class Lane {
  readonly #concurrencyMax: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(concurrencyMax: number) {
    this.#concurrencyMax = concurrencyMax;
  }

  /** Calls `start` now or when a place is free; whoever was started calls `leave` exactly once. */
  enter(start: () => void): void {
    if (this.#running >= this.#concurrencyMax) {
      this.#waiting.add(start);
      return;
    }
    this.#running++;
    start();
  }

  /** Takes back an `enter` that has not started. */
  withdraw(start: () => void): void {
    this.#waiting.delete(start);
  }

  leave(): void {
    this.#running--;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.enter(next);
  }
}
