import type { Labels, Meter } from '@millrace/core/base';

/** Called with each observation of a histogram, or each addition to a counter (`count` is 1 then). */
export type Observer = (value: number, count: number, labels: Labels) => void;

/**
 * A meter that passes everything on, and lets the program itself listen to single histograms and counters.
 */
export function observedMeter(meter: Meter, observers: Readonly<Record<string, Observer>>): Meter {
  return {
    gauge: (name, help, labels) => meter.gauge(name, help, labels),
    counter(name, help, labels = {}) {
      const counter = meter.counter(name, help, labels);
      const observer = observers[name];
      if (observer === undefined) return counter;
      return {
        add(amount) {
          counter.add(amount);
          observer(amount, 1, labels);
        },
      };
    },
    histogram(name, help, options) {
      const histogram = meter.histogram(name, help, options);
      const observer = observers[name];
      if (observer === undefined) return histogram;
      const labels = options?.labels ?? {};
      return {
        observe(value, count = 1) {
          histogram.observe(value, count);
          observer(value, count, labels);
        },
      };
    },
  };
}
