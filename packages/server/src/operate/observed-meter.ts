import type { Histogram, Labels, Meter } from '@millrace/core/base';

/** Called with each observation of a histogram. */
export type Observer = (value: number, count: number, labels: Labels) => void;

/** A meter that passes everything on, and lets the program itself listen to single histograms. */
export function observedMeter(meter: Meter, observers: Readonly<Record<string, Observer>>): Meter {
  return {
    counter: (name, help, labels) => meter.counter(name, help, labels),
    gauge: (name, help, labels) => meter.gauge(name, help, labels),
    histogram(name, help, options): Histogram {
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
