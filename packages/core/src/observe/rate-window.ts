/** How many events came in each of the last seconds. */
export class RateWindow {
  readonly #counts: Float64Array;
  readonly #indexes: Float64Array;
  #firstMs: number | undefined;

  constructor(windowMs = 60_000) {
    const seconds = Math.ceil(windowMs / 1000) + 1;
    this.#counts = new Float64Array(seconds);
    this.#indexes = new Float64Array(seconds).fill(-1);
  }

  /** Counts the window from now, without waiting for a first event: there were events before this start. */
  begin(nowMs: number): void {
    this.#firstMs ??= nowMs;
  }

  record(nowMs: number, count: number): void {
    this.begin(nowMs);
    const index = Math.floor(nowMs / 1000);
    const slot = index % this.#counts.length;
    if (this.#indexes[slot] !== index) {
      this.#indexes[slot] = index;
      this.#counts[slot] = 0;
    }
    this.#counts[slot]! += count;
  }

  /**
   * Events a second over the last `windowMs` of whole seconds (the running second is left out). Undefined
   * until the window has filled once since the first event, so that a cold start is not taken for a lull.
   */
  perSecond(nowMs: number, windowMs: number): number | undefined {
    if (this.#firstMs === undefined || nowMs - this.#firstMs < windowMs + 1000) return undefined;
    const last = Math.floor(nowMs / 1000) - 1;
    const first = last - Math.round(windowMs / 1000) + 1;
    let total = 0;
    for (let slot = 0; slot < this.#counts.length; slot++) {
      const index = this.#indexes[slot] as number;
      if (index >= first && index <= last) total += this.#counts[slot] as number;
    }
    return total / (last - first + 1);
  }
}
