import type { Clock } from '../base/index.ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time that stands still until it is told to go on. */
export class DriverClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs: number) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Goes to `nowMs` and calls what became due, in the order of time. */
  advanceTo(nowMs: number): void {
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.dueMs <= nowMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = nowMs;
  }
}
