import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '@millrace/core/base';
import type { Ingest } from '@millrace/core/ingest';
import { type FigureProbe, LatencyWindow, RateWindow } from '@millrace/core/observe';
import type { LoaderPump, LoadReceipt } from '@millrace/core/warehouse';

const RATE_WINDOW_MS = 10_000;
const AVERAGE_WINDOW_MS = 10_000;
const QUANTILE_WINDOW_MS = 60_000;
const LOOP_RESOLUTION_MS = 10;
/** With fewer records than this between log and warehouse, a start or a back-fill has been caught up with. */
const CAUGHT_UP_LAG = 2000;

/** What the probe reads; parts that start later are added when they are there. */
export interface ProbedParts {
  readonly ingest: Ingest;
  readonly pump: LoaderPump;
  /** Age of the oldest record that a topology has not processed, by topology; 0 when it is up to date. */
  readonly streamDelaysMs: () => ReadonlyMap<string, number>;
  /** True while a companion sends history: what waits behind it says nothing about live traffic. */
  readonly isBackfilling: () => boolean;
}

/**
 * The system's own figures, sampled once a second. Latency is first byte received → visible; `avg_latency_ms`
 * is the worst path's mean of the last ten seconds, or the age of what waits there when nothing comes through
 * at all; it is not measured while a start or a back-fill is being caught up with.
 */
export class SystemProbe {
  readonly #clock: Clock;
  /** Stream results, by topology. */
  readonly #streams = new Map<string, LatencyWindow>();
  readonly #allStreams = new LatencyWindow();
  readonly #marts: LatencyWindow;
  readonly #refreshes = new LatencyWindow();
  readonly #accepted = new RateWindow();
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  #loopSamples = 0;
  #checkpointMsMax = 0;
  #drifts = 0;
  #storedBefore = 0;
  /** Undefined while a start or a back-fill is being caught up with. */
  #caughtUpAtMs: number | undefined;
  #asOfMs: number | undefined;

  constructor(clock: Clock, marts: LatencyWindow) {
    this.#clock = clock;
    this.#marts = marts;
    this.#loopDelay.enable();
  }

  /** There were events before this start: silence from now on is a lull, not a beginning. */
  expectEvents(): void {
    this.#accepted.begin(this.#clock.nowMs());
  }

  streamResult(topology: string, latencyMs: number, count: number): void {
    let window = this.#streams.get(topology);
    if (window === undefined) this.#streams.set(topology, (window = new LatencyWindow()));
    const nowMs = this.#clock.nowMs();
    window.record(nowMs, latencyMs, count);
    this.#allStreams.record(nowMs, latencyMs, count);
  }

  loaded(receipt: LoadReceipt): void {
    this.#refreshes.record(this.#clock.nowMs(), receipt.timings.refreshMs);
    this.#asOfMs = receipt.asOfMs;
  }

  /** A live model was found to differ from its full SQL. */
  drifted(): void {
    this.#drifts++;
  }

  checkpoint(durationMs: number): void {
    this.#checkpointMsMax = Math.max(this.#checkpointMsMax, durationMs);
  }

  /** The stream results of one topology, or of all. */
  streamLatency(topology?: string): LatencyWindow | undefined {
    return topology === undefined ? this.#allStreams : this.#streams.get(topology);
  }

  probe(parts: ProbedParts): FigureProbe {
    return (nowMs) => {
      const counts = parts.ingest.counts();
      this.#accepted.record(nowMs, counts.stored - this.#storedBefore);
      this.#storedBefore = counts.stored;
      const identity = parts.pump.identity();
      const delays = parts.streamDelaysMs();
      if (parts.isBackfilling()) this.#caughtUpAtMs = undefined;
      else if (identity.lagRecords < CAUGHT_UP_LAG) this.#caughtUpAtMs ??= nowMs;
      return {
        events_per_second: this.#accepted.perSecond(nowMs, RATE_WINDOW_MS),
        events_last_second: this.#accepted.perSecond(nowMs, 1000),
        received: counts.received,
        stored: counts.stored,
        duplicates: counts.duplicates,
        dead_lettered: counts.deadLettered,
        refused_requests: counts.refusedRequests,
        loaded: identity.rows,
        lag_records: identity.lagRecords,
        avg_latency_ms: this.#averageMs(nowMs, delays),
        freshness_ms: this.#asOfMs === undefined ? undefined : nowMs - this.#asOfMs,
        latency_stream_p50_ms: this.#allStreams.quantileMs(nowMs, QUANTILE_WINDOW_MS, 0.5),
        latency_stream_p99_ms: this.#allStreams.quantileMs(nowMs, QUANTILE_WINDOW_MS, 0.99),
        latency_mart_p50_ms: this.#marts.quantileMs(nowMs, QUANTILE_WINDOW_MS, 0.5),
        latency_mart_p99_ms: this.#marts.quantileMs(nowMs, QUANTILE_WINDOW_MS, 0.99),
        refresh_ms_p99: this.#refreshes.quantileMs(nowMs, QUANTILE_WINDOW_MS, 0.99),
        checkpoint_ms_max: this.#checkpointMsMax,
        model_drifts: this.#drifts,
        event_loop_delay_ms_p99: this.#loopDelayMs(),
        rss_bytes: process.memoryUsage.rss(),
      };
    };
  }

  close(): void {
    this.#loopDelay.disable();
  }

  #averageMs(nowMs: number, delays: ReadonlyMap<string, number>): number | undefined {
    // What was caught up with was late by nature: the window begins after it.
    const windowMs = Math.min(AVERAGE_WINDOW_MS, nowMs - (this.#caughtUpAtMs ?? nowMs) - 1000);
    if (windowMs < 1000) return undefined;
    let worst = this.#marts.meanMs(nowMs, windowMs);
    const consider = (candidateMs: number | undefined) => {
      if (candidateMs !== undefined && candidateMs > (worst ?? -1)) worst = candidateMs;
    };
    for (const window of this.#streams.values()) consider(window.meanMs(nowMs, windowMs));
    for (const delayMs of delays.values()) consider(delayMs > 0 ? delayMs : undefined);
    return worst;
  }

  /** Over at most the last minute; the histogram counts its own timer's interval, which is no delay. */
  #loopDelayMs(): number {
    const delayMs = this.#loopDelay.percentile(99) / 1e6 - LOOP_RESOLUTION_MS;
    if (++this.#loopSamples % 60 === 0) this.#loopDelay.reset();
    return Math.max(0, delayMs);
  }
}
