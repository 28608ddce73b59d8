import type { Clock } from '../base/index.ts';
import { fail } from './errors.ts';

const SLICE_MS = 8;

/** Cuts long work into slices, so that the event loop is never blocked for long. */
export class TimeSlice {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #endMs: number;

  /** With a signal, the work ends at the next cut after the abortion: `STREAMS_CLOSING`. */
  constructor(clock: Clock, signal?: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
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
    if (this.#signal?.aborted === true) throw fail('STREAMS_CLOSING');
    this.#endMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}
