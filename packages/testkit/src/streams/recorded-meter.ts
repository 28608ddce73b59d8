import type { Counter, Gauge, Histogram, Labels, Meter } from '@millrace/core/base';

/** Keeps every figure for a test to look at. Names are `name{label=value,…}`, labels in their order. */
export class RecordedMeter implements Meter {
  /** Counters and gauges. */
  readonly values = new Map<string, number>();
  readonly observations = new Map<string, number[]>();

  counter(name: string, _help: string, labels?: Labels): Counter {
    const id = idOf(name, labels);
    return { add: (amount) => void this.values.set(id, (this.values.get(id) ?? 0) + amount) };
  }

  gauge(name: string, _help: string, labels?: Labels): Gauge {
    const id = idOf(name, labels);
    return { set: (value) => void this.values.set(id, value) };
  }

  histogram(name: string, _help: string, options: { labels?: Labels } = {}): Histogram {
    const id = idOf(name, options.labels);
    return {
      observe: (value, count = 1) => {
        const observed = this.observations.get(id) ?? [];
        for (let i = 0; i < count; i++) observed.push(value);
        this.observations.set(id, observed);
      },
    };
  }
}

function idOf(name: string, labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
