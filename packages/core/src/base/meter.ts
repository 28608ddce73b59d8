/**
 * Where rooms put their figures. Instruments are made once, at construction of whatever they measure, and
 * updated per batch. Names are snake_case with the unit last, as Prometheus wants them
 * (`log_commit_duration_ms`).
 */
export interface Meter {
  counter(name: string, help: string, labels?: Labels): Counter;
  gauge(name: string, help: string, labels?: Labels): Gauge;
  /** `buckets` are upper bounds in the unit of the name. */
  histogram(
    name: string,
    help: string,
    options?: { labels?: Labels; buckets?: readonly number[] },
  ): Histogram;
}

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Histogram {
  /** `count` observations of the same value, 1 by default. */
  observe(value: number, count?: number): void;
}

/** Measures nothing. */
export const silentMeter: Meter = {
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
};
