import type { Clock, Counter, Gauge, Histogram, Labels, Meter } from '@millrace/core/base';

/** From the thread that measures to the one that has the meter. */
export type FigureMessage =
  | { readonly type: 'instrument'; readonly id: number; readonly instrument: Instrument }
  /** Counters by what they rose, gauges by what they are, histograms by each observation. */
  | { readonly type: 'figures'; readonly updates: readonly Update[] };

type Instrument =
  | { readonly kind: 'counter'; readonly name: string; readonly help: string; readonly labels: Labels }
  | { readonly kind: 'gauge'; readonly name: string; readonly help: string; readonly labels: Labels }
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly labels: Labels;
      readonly buckets: readonly number[] | undefined;
    };

type Update = readonly [id: number, value: number, count: number];

const FLUSH_EVERY_MS = 500;

/** A meter whose figures travel: a few messages a second, whatever is measured. */
export class FigureSender implements Meter {
  readonly #post: (message: FigureMessage) => void;
  readonly #clock: Clock;
  readonly #sums = new Map<number, number>();
  readonly #values = new Map<number, number>();
  #observations: Update[] = [];
  #instruments = 0;
  #isScheduled = false;

  constructor(options: { post: (message: FigureMessage) => void; clock: Clock }) {
    this.#post = options.post;
    this.#clock = options.clock;
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    const id = this.#announce({ kind: 'counter', name, help, labels });
    return {
      add: (amount) => {
        this.#sums.set(id, (this.#sums.get(id) ?? 0) + amount);
        this.#schedule();
      },
    };
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    const id = this.#announce({ kind: 'gauge', name, help, labels });
    return {
      set: (value) => {
        this.#values.set(id, value);
        this.#schedule();
      },
    };
  }

  histogram(
    name: string,
    help: string,
    options: { labels?: Labels; buckets?: readonly number[] } = {},
  ): Histogram {
    const { labels = {}, buckets } = options;
    const id = this.#announce({ kind: 'histogram', name, help, labels, buckets });
    return {
      observe: (value, count = 1) => {
        this.#observations.push([id, value, count]);
        this.#schedule();
      },
    };
  }

  /** Sends what has gathered. */
  flush(): void {
    const updates = [...this.#observations];
    for (const [id, value] of [...this.#sums, ...this.#values]) updates.push([id, value, 1]);
    this.#observations = [];
    this.#sums.clear();
    this.#values.clear();
    if (updates.length > 0) this.#post({ type: 'figures', updates });
  }

  #announce(instrument: Instrument): number {
    const id = ++this.#instruments;
    this.#post({ type: 'instrument', id, instrument });
    return id;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.schedule(() => {
      this.#isScheduled = false;
      this.flush();
    }, FLUSH_EVERY_MS);
  }
}

/** The other end: writes what arrives to the meter. */
export class FigureReceiver {
  readonly #meter: Meter;
  readonly #instruments = new Map<number, (value: number, count: number) => void>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  receive(message: FigureMessage): void {
    if (message.type === 'instrument') {
      this.#instruments.set(message.id, this.#create(message.instrument));
      return;
    }
    for (const [id, value, count] of message.updates) this.#instruments.get(id)?.(value, count);
  }

  #create(instrument: Instrument): (value: number, count: number) => void {
    const { kind, name, help, labels } = instrument;
    switch (kind) {
      case 'counter': {
        const counter = this.#meter.counter(name, help, labels);
        return (value) => counter.add(value);
      }
      case 'gauge': {
        const gauge = this.#meter.gauge(name, help, labels);
        return (value) => gauge.set(value);
      }
      case 'histogram': {
        const { buckets } = instrument;
        const histogram = this.#meter.histogram(
          name,
          help,
          buckets === undefined ? { labels } : { labels, buckets },
        );
        return (value, count) => histogram.observe(value, count);
      }
    }
  }
}
