/** Time, passed in. Wall time may jump; monotonic time never goes back. */
export interface Clock {
  /** Milliseconds since the epoch (UTC). */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, with a fraction. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it. */
  schedule(callback: () => void, delayMs: number): () => void;
}

/** Resolves after `delayMs` of the clock's time, or at once when the signal aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.schedule(done, delayMs);
    signal?.addEventListener('abort', done);
  });
}
