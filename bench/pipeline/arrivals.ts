import type { SentBatch } from './generator.ts';

/** When a growing total was seen on a connection: how long each batch took until it was included. */
export class Arrivals {
  readonly #seen: { readonly total: number; readonly atMs: number }[] = [];
  readonly #isFirst = Promise.withResolvers<void>();
  #baseline: number | undefined;

  /** Resolves with the first total; it is what was there before the load. */
  get first(): Promise<void> {
    return this.#isFirst.promise;
  }

  total(total: number, atMs: number): void {
    this.#baseline ??= total;
    const last = this.#seen.at(-1);
    if (last === undefined || total > last.total) this.#seen.push({ total, atMs });
    this.#isFirst.resolve();
  }

  /** From the moment it was due to be sent until the total included it; undefined when it never did. */
  latencyMs(batch: SentBatch): number | undefined {
    const needed = (this.#baseline ?? 0) + batch.cumulative;
    let low = 0;
    let high = this.#seen.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seen[middle] as { total: number }).total >= needed) high = middle;
      else low = middle + 1;
    }
    const seen = this.#seen[low];
    return seen === undefined ? undefined : seen.atMs - batch.scheduledAtMs;
  }
}

/** The value below or at which the share `q` of the values lies; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] as number;
}
