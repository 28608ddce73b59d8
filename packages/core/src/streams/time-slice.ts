import type { Clock } from '../base/index.ts';

const SLICE_MS = 8;

/** Cuts long work into slices, so that the event loop is never blocked for long. */
export class TimeSlice {
  readonly #clock: Clock;
  #endMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + SLICE_MS;
  }

  get isOver(): boolean {
    return this.#clock.monotonicMs() >= this.#endMs;
  }

  /** Lets others have the event loop, then begins a new slice. */
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#clock.schedule(resolve, 0);
    });
    this.#endMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}
