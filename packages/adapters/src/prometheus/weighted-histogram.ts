import type { Labels } from '@millrace/core/base';

interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
  readonly metricName: string;
}

/** The observations of one set of labels. */
class Series {
  readonly labels: Labels;
  /** Observations by bucket, not cumulative; the last is beyond every bound. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(labels: Labels, buckets: number) {
    this.labels = labels;
    this.counts = new Float64Array(buckets + 1);
  }
}

/**
 * A histogram whose observations may stand for many: prom-client's own has no weights, and asks for labels
 * and a hash with every observation. Goes into a prom-client registry like any other metric.
 */
export class WeightedHistogram {
  readonly name: string;
  readonly help: string;
  readonly #upperBounds: readonly number[];
  readonly #series = new Map<string, Series>();

  /** `upperBounds` ascend. */
  constructor(options: { name: string; help: string; upperBounds: readonly number[] }) {
    this.name = options.name;
    this.help = options.help;
    this.#upperBounds = options.upperBounds;
  }

  /** An observer of one set of labels: `observe(value, count)` counts the value `count` times. */
  labels(labels: Labels): (value: number, count: number) => void {
    const id = JSON.stringify(Object.entries(labels));
    const bounds = this.#upperBounds;
    const series = this.#series.get(id) ?? new Series(labels, bounds.length);
    this.#series.set(id, series);
    return (value, count) => {
      let bucket = 0;
      while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
      series.counts[bucket]! += count;
      series.sum += value * count;
    };
  }

  /** What the registry writes. */
  get(): Promise<object> {
    const values = [...this.#series.values()].flatMap((series) => this.#samplesOf(series));
    return Promise.resolve({
      name: this.name,
      help: this.help,
      type: 'histogram',
      aggregator: 'sum',
      values,
    });
  }

  #samplesOf({ labels, counts, sum }: Series): Sample[] {
    let count = 0;
    const samples: Sample[] = [];
    for (const [i, inBucket] of counts.entries()) {
      count += inBucket;
      const le = i < this.#upperBounds.length ? String(this.#upperBounds[i]) : '+Inf';
      samples.push({ labels: { ...labels, le }, value: count, metricName: `${this.name}_bucket` });
    }
    samples.push({ labels: { ...labels }, value: sum, metricName: `${this.name}_sum` });
    samples.push({ labels: { ...labels }, value: count, metricName: `${this.name}_count` });
    return samples;
  }
}
