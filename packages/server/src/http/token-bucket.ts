const BURST_SECONDS = 2;

/**
 * A rate limit that is paid afterwards: whoever has tokens left may send, and what was sent is taken, below
 * zero if need be. So a batch need not be counted before it is read, and the mean rate holds all the same.
 * Times are monotonic milliseconds.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #updatedMs: number;

  /** Holds what comes in within two seconds. */
  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = perSecond * BURST_SECONDS;
    this.#tokens = this.#capacity;
    this.#updatedMs = nowMs;
  }

  /** 0 when sending is allowed now, else for how long it is not. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens > 0 ? 0 : Math.floor(-this.#tokens / this.#perMs) + 1;
  }

  take(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= count;
  }

  #refill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#updatedMs);
    this.#updatedMs = nowMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + passedMs * this.#perMs);
  }
}
