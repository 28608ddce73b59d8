import type { Counter, Gauge, Histogram, Labels, Meter } from '@millrace/core/base';
import * as prometheus from 'prom-client';

const LATENCY_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/**
 * Figures for Prometheus to scrape. Names get the prefix `millrace_`; instruments of one name share their
 * label names.
 */
export class PrometheusMeter implements Meter {
  readonly registry = new prometheus.Registry();

  /** Also measures the process: CPU, memory, event loop, garbage collection. */
  measureProcess(): void {
    prometheus.collectDefaultMetrics({ register: this.registry });
  }

  /** The exposition text, and its content type. */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    const labelNames = Object.keys(labels);
    const make = (full: string) =>
      new prometheus.Counter({ name: full, help, labelNames, registers: [this.registry] });
    const child = this.#single(name, make).labels(labels);
    return { add: (amount) => child.inc(amount) };
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    const labelNames = Object.keys(labels);
    const make = (full: string) =>
      new prometheus.Gauge({ name: full, help, labelNames, registers: [this.registry] });
    const child = this.#single(name, make).labels(labels);
    return { set: (value) => child.set(value) };
  }

  histogram(
    name: string,
    help: string,
    options: { labels?: Labels; buckets?: readonly number[] } = {},
  ): Histogram {
    const labels = options.labels ?? {};
    const labelNames = Object.keys(labels);
    const buckets = [...(options.buckets ?? LATENCY_BUCKETS_MS)];
    const make = (full: string) =>
      new prometheus.Histogram({ name: full, help, labelNames, buckets, registers: [this.registry] });
    const child = this.#single(name, make).labels(labels);
    return {
      observe(value, count = 1) {
        // prom-client has no weighted observation: a batch counts once for each of its events, up to a bound.
        const repeats = Math.min(count, WEIGHT_MAX);
        for (let i = 0; i < repeats; i++) child.observe(value);
      },
    };
  }

  #single<Instrument extends prometheus.Metric>(
    name: string,
    make: (full: string) => Instrument,
  ): Instrument {
    const full = `millrace_${name}`;
    return (this.registry.getSingleMetric(full) as Instrument | undefined) ?? make(full);
  }
}

const WEIGHT_MAX = 64;
