import type { Counter, Gauge, Histogram, Meter } from '../base/index.ts';
import type { DropReason } from './operator.ts';

const DURATION_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const LATENCY_BUCKETS_MS = [5, 10, 20, 50, 75, 100, 150, 250, 500, 1000, 2000, 5000, 10_000, 60_000];
const PROCESS_BUCKETS_MS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 10, 100];

/** The figures of one application. */
export class StreamsMetrics {
  readonly records: Counter;
  readonly process: Histogram;
  readonly commits: Histogram;
  readonly resultLatency: Histogram;
  readonly lagRecords: Gauge;
  readonly lagMs: Gauge;
  readonly pendingBytes: Gauge;
  readonly restoreProgress: Gauge;
  readonly running: Gauge;
  readonly #meter: Meter;
  readonly #application: string;
  readonly #dropped = new Map<string, Counter>();

  constructor(meter: Meter, application: string) {
    const labels = { application };
    this.#meter = meter;
    this.#application = application;
    this.records = meter.counter('streams_records_total', 'Records read by topologies.', labels);
    this.process = meter.histogram('streams_process_ms', 'Processing time of a record.', {
      labels,
      buckets: PROCESS_BUCKETS_MS,
    });
    this.commits = meter.histogram(
      'streams_commit_duration_ms',
      'From the capture of a commit until it is durable.',
      {
        labels,
        buckets: DURATION_BUCKETS_MS,
      },
    );
    this.resultLatency = meter.histogram(
      'streams_result_latency_ms',
      "From an event's arrival until its result is committed; replayed events are left out.",
      { labels, buckets: LATENCY_BUCKETS_MS },
    );
    this.lagRecords = meter.gauge(
      'streams_lag_records',
      'Records in the log that are not committed as processed.',
      labels,
    );
    this.lagMs = meter.gauge(
      'streams_lag_ms',
      'Age of the oldest record that is read and not processed.',
      labels,
    );
    this.pendingBytes = meter.gauge('streams_pending_bytes', 'Results that wait for a commit.', labels);
    this.restoreProgress = meter.gauge(
      'streams_restore_progress',
      'Share of the state that is restored, 0 to 1.',
      labels,
    );
    this.running = meter.gauge(
      'streams_running',
      '1 while the topology runs, 0 when it failed or is closed.',
      labels,
    );
  }

  stateEntries(store: string): Gauge {
    const labels = { application: this.#application, store };
    return this.#meter.gauge('streams_state_entries', 'Rows of a state store.', labels);
  }

  /** One counter for all tasks. */
  dropped(operator: string, reason: DropReason): Counter {
    const id = `${reason} ${operator}`;
    let counter = this.#dropped.get(id);
    if (counter === undefined) {
      const labels = { application: this.#application, operator, reason };
      counter = this.#meter.counter('streams_dropped_total', 'Records that an operator left out.', labels);
      this.#dropped.set(id, counter);
    }
    return counter;
  }

  failures(response: string): Counter {
    const labels = { application: this.#application, response };
    return this.#meter.counter('streams_failures_total', 'Records whose processing threw.', labels);
  }
}
