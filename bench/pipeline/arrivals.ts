import type { SentBatch } from './generator.ts';

/** When a growing total was seen on a connection: how long each batch took until it was included. */
export class Arrivals {
  readonly #seen: { readonly total: number; readonly atMs: number }[] = [];
  readonly #isFirst = Promise.withResolvers<void>();
  readonly #isReached = Promise.withResolvers<void>();
  #baseline: number | undefined;
  #wanted = Infinity;

  /** Resolves with the first total; it is what was there before the load. */
  get first(): Promise<void> {
    return this.#isFirst.promise;
  }

  total(total: number, atMs: number): void {
    this.#baseline ??= total;
    const last = this.#seen.at(-1);
    if (last === undefined || total > last.total) this.#seen.push({ total, atMs });
    this.#isFirst.resolve();
    if (total >= this.#baseline + this.#wanted) this.#isReached.resolve();
  }

  /** Resolves when so many events were seen since the first total. */
  reached(events: number): Promise<void> {
    this.#wanted = events;
    const last = this.#seen.at(-1);
    if (last !== undefined && last.total >= (this.#baseline ?? 0) + events) this.#isReached.resolve();
    return this.#isReached.promise;
  }

  /** From the moment it was due to be sent until the total included it; Infinity when it never did. */
  latencyMs(batch: SentBatch): number {
    const needed = (this.#baseline ?? 0) + batch.cumulative;
    let low = 0;
    let high = this.#seen.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seen[middle] as { total: number }).total >= needed) high = middle;
      else low = middle + 1;
    }
    const seen = this.#seen[low];
    return seen === undefined ? Infinity : seen.atMs - batch.scheduledAtMs;
  }
}

/** The value below or at which the share `q` of the values lies; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] as number;
}
