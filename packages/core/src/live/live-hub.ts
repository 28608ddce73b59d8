import { isMillraceError, silentMeter, type Clock, type Meter } from '../base/index.ts';
import { fail } from './errors.ts';
import { Lane } from './lane.ts';
import { LiveQuery } from './live-query.ts';
import { LiveViewer, type FoundQuery } from './live-viewer.ts';
import type { LiveContext, LiveRequest, LiveSource } from './port.ts';

export interface LiveHubOptions {
  readonly sources: readonly LiveSource[];
  readonly clock: Clock;
  /** Unique to this start of the server. */
  readonly epoch: string;
  readonly meter?: Meter;
  /** The shortest time between two evaluations of one query. Default 50 ms. */
  readonly tickMs?: number;
  /** Default 60,000. */
  readonly timeoutMs?: number;
  /** Rows of one answer. Default 5,000. */
  readonly rowsMax?: number;
  /** Connections. Default 256. */
  readonly viewersMax?: number;
  /** Queries of one connection. Default 200. */
  readonly queriesPerViewerMax?: number;
  /** Distinct queries over all connections. Default 2,000. */
  readonly queriesMax?: number;
  /**
   * How long the last answer of a query that nobody follows is kept for those who come back. Default 60,000.
   */
  readonly keepMs?: number;
}

export interface LiveConnectOptions {
  readonly context?: LiveContext;
  /** Called when something is due after nothing was. */
  readonly wake: () => void;
}

/**
 * Answers live queries for any number of viewers: each distinct query is evaluated once per change of its
 * data, no more often than its own cost allows, and every viewer is brought from what it holds to what is
 * true now.
 *
 * @example
 * ```ts
 * const viewer = hub.connect({ wake: () => send(viewer.take(65_536)) });
 * viewer.request([{ id: 'a', query: { source: 'system', figures: ['events_per_second'] } }]);
 * ```
 */
export class LiveHub {
  readonly epoch: string;
  readonly #options: Required<LiveHubOptions>;
  readonly #sources: ReadonlyMap<string, LiveSource>;
  readonly #lanes = new Map<string, Lane>();
  readonly #queries = new Map<string, LiveQuery>();
  readonly #viewers = new Set<LiveViewer>();
  readonly #figures: ReturnType<typeof figuresOf>;
  #cancelSweep: (() => void) | undefined;
  #version = 0;

  constructor(options: LiveHubOptions) {
    this.#options = {
      meter: silentMeter,
      tickMs: 50,
      timeoutMs: 60_000,
      rowsMax: 5_000,
      viewersMax: 256,
      queriesPerViewerMax: 200,
      queriesMax: 2_000,
      keepMs: 60_000,
      ...options,
    };
    this.epoch = options.epoch;
    this.#sources = new Map(options.sources.map((source) => [source.name, source]));
    for (const { name, concurrencyMax } of options.sources) {
      this.#lanes.set(name, new Lane(concurrencyMax ?? Number.POSITIVE_INFINITY));
    }
    this.#figures = figuresOf(this.#options.meter, options.sources);
  }

  /** Throws `LIVE_TOO_MANY_VIEWERS`. */
  connect(options: LiveConnectOptions): LiveViewer {
    if (this.#viewers.size >= this.#options.viewersMax) {
      throw fail('LIVE_TOO_MANY_VIEWERS', { retryAfterMs: 5_000 });
    }
    const context = options.context ?? {};
    const viewer = new LiveViewer({
      epoch: this.epoch,
      wake: options.wake,
      queriesMax: this.#options.queriesPerViewerMax,
      find: (request) => this.#find(request, context),
      onChange: () => this.#planSweep(),
      onClose: (closed) => {
        this.#viewers.delete(closed);
        this.#figures.viewers.set(this.#viewers.size);
      },
    });
    this.#viewers.add(viewer);
    this.#figures.viewers.set(this.#viewers.size);
    return viewer;
  }

  /** Throws kind `input` when no viewer could ask this. */
  check(query: Readonly<Record<string, unknown>>): void {
    this.#sourceOf(query).check(query);
  }

  /** Open connections, and the distinct queries that they follow or followed lately. */
  counts(): { readonly viewers: number; readonly queries: number } {
    return { viewers: this.#viewers.size, queries: this.#queries.size };
  }

  close(): void {
    for (const viewer of this.#viewers) viewer.close();
    this.#cancelSweep?.();
    this.#queries.clear();
  }

  #sourceOf(query: Readonly<Record<string, unknown>>): LiveSource {
    const source = this.#sources.get(String(query['source']));
    if (source !== undefined) return source;
    const names = [...this.#sources.keys()].join(', ');
    throw fail('LIVE_SOURCE_UNKNOWN', {
      message: `No live source is named ${JSON.stringify(query['source'])}: ${names}.`,
    });
  }

  #find(request: LiveRequest, context: LiveContext): FoundQuery {
    try {
      return { query: this.#queryOf(request.query, context), rejected: undefined };
    } catch (error) {
      if (!isMillraceError(error) || error.kind !== 'input') throw error;
      const { code, message, remedy } = error;
      return { query: undefined, rejected: { state: 'failed', code, message, remedy } };
    }
  }

  #queryOf(asked: Readonly<Record<string, unknown>>, asking: LiveContext): LiveQuery {
    const { clock, queriesMax, rowsMax, tickMs, timeoutMs } = this.#options;
    const source = this.#sourceOf(asked);
    const query = source.check(asked);
    const context = source.contextual ? asking : {};
    const key = JSON.stringify([source.name, query, context]);
    const known = this.#queries.get(key);
    if (known !== undefined) return known;
    if (this.#queries.size >= queriesMax) this.#sweep(0);
    if (this.#queries.size >= queriesMax) throw fail('LIVE_TOO_MANY_QUERIES');
    const made = new LiveQuery({
      source,
      query,
      context,
      clock,
      tickMs,
      timeoutMs,
      rowsMax,
      lane: this.#lanes.get(source.name) as Lane,
      epoch: this.epoch,
      nextVersion: () => ++this.#version,
      onEvaluated: (durationMs, failed) => this.#figures.evaluated(source.name, durationMs, failed),
    });
    this.#queries.set(key, made);
    this.#figures.queries.set(this.#queries.size);
    return made;
  }

  /** Answers that nobody follows are forgotten after `keepMs`. */
  #planSweep(): void {
    const { clock, keepMs } = this.#options;
    this.#cancelSweep ??= clock.schedule(() => {
      this.#cancelSweep = undefined;
      this.#sweep(keepMs);
      for (const query of this.#queries.values()) {
        if (!query.followed) return this.#planSweep();
      }
    }, keepMs);
  }

  #sweep(keepMs: number): void {
    const beforeMs = this.#options.clock.monotonicMs() - keepMs;
    for (const [key, query] of this.#queries) {
      if (!query.followed && query.leftAtMs <= beforeMs) this.#queries.delete(key);
    }
    this.#figures.queries.set(this.#queries.size);
  }
}

function figuresOf(meter: Meter, sources: readonly LiveSource[]) {
  const perSource = new Map(
    sources.map(({ name }) => {
      const labels = { source: name };
      return [
        name,
        {
          duration: meter.histogram('live_evaluation_duration_ms', 'Time of one evaluation of a live query', {
            labels,
            buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000],
          }),
          failures: meter.counter(
            'live_evaluation_failures_total',
            'Evaluations that failed or had to wait',
            labels,
          ),
        },
      ];
    }),
  );
  return {
    viewers: meter.gauge('live_viewers', 'Open live connections'),
    queries: meter.gauge('live_queries', 'Distinct live queries held'),
    evaluated(source: string, durationMs: number, failed: boolean): void {
      const figures = perSource.get(source);
      figures?.duration.observe(durationMs);
      if (failed) figures?.failures.add(1);
    },
  };
}
