import type { Counter, Gauge, Histogram, Labels, Meter } from '@millrace/core/base';
import * as prometheus from 'prom-client';
import { WeightedHistogram } from './weighted-histogram.ts';

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
    const upperBounds = options.buckets ?? LATENCY_BUCKETS_MS;
    const make = (full: string) => {
      const histogram = new WeightedHistogram({ name: full, help, upperBounds });
      this.registry.registerMetric(histogram as unknown as prometheus.Metric);
      return histogram;
    };
    const observe = this.#single(name, make).labels(options.labels ?? {});
    return { observe: (value, count = 1) => observe(value, count) };
  }

  #single<Instrument extends prometheus.Metric | WeightedHistogram>(
    name: string,
    make: (full: string) => Instrument,
  ): Instrument {
    const full = `millrace_${name}`;
    return (this.registry.getSingleMetric(full) as unknown as Instrument | undefined) ?? make(full);
  }
}
