import type { Counter, Histogram, Meter } from '../base/index.ts';

/** Since the process started. Always `received = stored + duplicates + deadLettered`. */
export interface IngestCounts {
  /** Events whose fate is decided. */
  readonly received: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  /** Requests that were refused as a whole; their events are not among the received ones. */
  readonly refusedRequests: number;
  readonly requests: number;
  /** Wall time of the last stored event's arrival; undefined before the first. */
  readonly lastStoredAtMs: number | undefined;
}

/** What one commit decided. */
export interface Settled {
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  readonly receivedAtMs: number;
}

/** The counters of ingest, shown as metrics as well. */
export class IngestCounter {
  readonly #meter: Meter;
  readonly #received: Counter;
  readonly #stored: Counter;
  readonly #duplicates: Counter;
  readonly #deadLettered: Counter;
  readonly #duration: Histogram;
  readonly #refused = new Map<string, Counter>();
  readonly #rejected = new Map<string, Counter>();
  readonly #counts = {
    received: 0,
    stored: 0,
    duplicates: 0,
    deadLettered: 0,
    refusedRequests: 0,
    requests: 0,
  };
  #lastStoredAtMs: number | undefined;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#received = meter.counter('ingest_events_received_total', 'Events whose fate is decided.');
    this.#stored = meter.counter('ingest_events_stored_total', 'Events that became durable.');
    this.#duplicates = meter.counter('ingest_events_duplicate_total', 'Events that were there already.');
    this.#deadLettered = meter.counter(
      'ingest_events_dead_lettered_total',
      'Events that were rejected and kept.',
    );
    this.#duration = meter.histogram(
      'ingest_request_duration_ms',
      'From the first byte of a request to its answer.',
    );
  }

  read(): IngestCounts {
    return { ...this.#counts, lastStoredAtMs: this.#lastStoredAtMs };
  }

  /** All four figures move at once, so the identity holds whenever somebody looks. */
  settle(settled: Settled): void {
    const { stored, duplicates, deadLettered } = settled;
    const received = stored + duplicates + deadLettered;
    this.#counts.received += received;
    this.#counts.stored += stored;
    this.#counts.duplicates += duplicates;
    this.#counts.deadLettered += deadLettered;
    this.#received.add(received);
    this.#stored.add(stored);
    this.#duplicates.add(duplicates);
    this.#deadLettered.add(deadLettered);
    if (stored > 0) this.#lastStoredAtMs = settled.receivedAtMs;
  }

  rejected(code: string): void {
    this.#count(this.#rejected, code, 'ingest_events_rejected_total');
  }

  refused(code: string): void {
    this.#counts.refusedRequests++;
    this.#count(this.#refused, code, 'ingest_requests_refused_total');
  }

  answered(durationMs: number): void {
    this.#counts.requests++;
    this.#duration.observe(durationMs);
  }

  #count(counters: Map<string, Counter>, code: string, name: string): void {
    let counter = counters.get(code);
    if (counter === undefined) {
      counter = this.#meter.counter(name, 'By the reason.', { code });
      counters.set(code, counter);
    }
    counter.add(1);
  }
}
