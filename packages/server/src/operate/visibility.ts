import type { Clock } from '@millrace/core/base';
import { LatencyWindow } from '@millrace/core/observe';
import type { SemanticLayer } from '@millrace/core/semantic';
import type { LoadReceipt } from '@millrace/core/warehouse';

/**
 * Without an evaluation for so long nobody is looking: an event then counts as visible when it is committed.
 */
const UNWATCHED_AFTER_MS = 2000;
const WAITING_MAX = 10_000;

/**
 * Measures how long events take from the first byte received until a metric that includes them was evaluated:
 * that is when a viewer can see them. Replayed events are left out by the loader.
 */
export class Visibility {
  readonly window = new LatencyWindow();
  readonly #clock: Clock;
  #waiting: LoadReceipt[] = [];
  #evaluatedMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A load was committed: its rows are in the tables. */
  loaded(receipt: LoadReceipt): void {
    const isWatched = this.#clock.nowMs() - this.#evaluatedMs < UNWATCHED_AFTER_MS;
    if (isWatched && this.#waiting.length < WAITING_MAX) {
      this.#waiting.push(receipt);
      return;
    }
    for (const waiting of this.#waiting) this.#record(waiting);
    this.#waiting = [];
    this.#record(receipt);
  }

  /** A metric was answered on a snapshot that holds everything loaded up to `asOfMs`. */
  evaluated(asOfMs: number | undefined): void {
    this.#evaluatedMs = this.#clock.nowMs();
    if (asOfMs === undefined) return;
    let seen = 0;
    while (seen < this.#waiting.length && (this.#waiting[seen] as LoadReceipt).asOfMs <= asOfMs) {
      this.#record(this.#waiting[seen++] as LoadReceipt);
    }
    if (seen > 0) this.#waiting.splice(0, seen);
  }

  #record(receipt: LoadReceipt): void {
    const nowMs = this.#clock.nowMs();
    for (const { createdAtMs, count } of receipt.createdAtMs)
      this.window.record(nowMs, nowMs - createdAtMs, count);
  }
}

/** The same semantic layer, its answers counted as the moment at which events become visible. */
export function watched(semantic: SemanticLayer, visibility: Visibility): SemanticLayer {
  return {
    get state() {
      return semantic.state;
    },
    onStateChange: (listener) => semantic.onStateChange(listener),
    async load(query, securityContext) {
      const result = await semantic.load(query, securityContext);
      visibility.evaluated(result.watermarkMs);
      return result;
    },
    tablesOf: (query) => semantic.tablesOf(query),
    meta: (securityContext) => semantic.meta(securityContext),
    close: () => semantic.close(),
  };
}
