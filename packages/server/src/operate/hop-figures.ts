import type { Clock } from '@millrace/core/base';
import { LatencyWindow, RateWindow } from '@millrace/core/observe';
import type { HopReport } from '../wire/index.ts';
import type { Observer } from './observed-meter.ts';

type HopId = HopReport['id'];

const LATENCY_WINDOW_MS = 60_000;
const RATE_WINDOW_MS = 10_000;

/** What each hop takes and how much goes through it, read off the figures that the rooms keep anyway. */
export class HopFigures {
  readonly #clock: Clock;
  readonly #latencies = new Map<HopId, LatencyWindow>();
  /** By hop, and by topology where several read the same events. */
  readonly #rates = new Map<HopId, Map<string, RateWindow>>();
  /** By the name of a histogram or counter. */
  readonly observers: Readonly<Record<string, Observer>>;

  constructor(clock: Clock) {
    this.#clock = clock;
    const takes =
      (hop: HopId): Observer =>
      (ms, count) =>
        this.#latency(hop, ms, count);
    const passes =
      (hop: HopId): Observer =>
      (amount, _count, labels) =>
        this.#rate(hop, labels['application'] ?? '').record(clock.nowMs(), amount);
    this.observers = {
      ingest_request_duration_ms: takes('ingest'),
      log_commit_duration_ms: takes('log'),
      streams_records_total: passes('streams'),
      warehouse_loaded_rows_total: passes('warehouse'),
      warehouse_refresh_duration_ms: takes('models'),
      live_evaluation_duration_ms: (ms, count, labels) => {
        const hop = labels['source'] === 'metrics' ? 'metrics' : 'live';
        this.#latency(hop, ms, count);
        this.#rate(hop, '').record(clock.nowMs(), count);
      },
    };
  }

  /** Of the last minute; undefined when nothing went through. */
  latencyMs(hop: HopId): HopReport['latencyMs'] {
    const window = this.#latencies.get(hop);
    const nowMs = this.#clock.nowMs();
    const p50 = window?.quantileMs(nowMs, LATENCY_WINDOW_MS, 0.5);
    const p99 = window?.quantileMs(nowMs, LATENCY_WINDOW_MS, 0.99);
    return p50 === undefined || p99 === undefined ? undefined : { p50, p99 };
  }

  /** Of the last ten seconds; of the busiest topology where several read the same. */
  perSecond(hop: HopId): number | undefined {
    const nowMs = this.#clock.nowMs();
    let most: number | undefined;
    for (const window of this.#rates.get(hop)?.values() ?? []) {
      const rate = window.perSecond(nowMs, RATE_WINDOW_MS);
      if (rate !== undefined) most = Math.max(most ?? 0, rate);
    }
    return most;
  }

  #latency(hop: HopId, ms: number, count: number): void {
    let window = this.#latencies.get(hop);
    if (window === undefined) this.#latencies.set(hop, (window = new LatencyWindow()));
    window.record(this.#clock.nowMs(), ms, count);
  }

  #rate(hop: HopId, part: string): RateWindow {
    let windows = this.#rates.get(hop);
    if (windows === undefined) this.#rates.set(hop, (windows = new Map()));
    let window = windows.get(part);
    if (window === undefined) windows.set(part, (window = new RateWindow()));
    return window;
  }
}
