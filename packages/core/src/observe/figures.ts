import type { Clock } from '../base/index.ts';

/** One sample of a figure. */
export type FigureSample = readonly [timeMs: number, value: number];

/** The system's own figures: the latest value of each, and the last quarter of an hour by the second. */
export interface SystemFigures {
  read(): Readonly<Record<string, number>>;
  /** Samples of the last `lastMs`, oldest first; empty for an unknown name. */
  history(name: string, lastMs: number): readonly FigureSample[];
  /** Called after each sample. Returns the cancellation. */
  onChange(listener: () => void): () => void;
}

/** Asked once a second; a figure that is left out keeps no sample for that second. */
export type FigureProbe = (nowMs: number) => Readonly<Record<string, number | undefined>>;

const HISTORY_SAMPLES = 900;
const SAMPLE_INTERVAL_MS = 1000;

/** Samples its probes once a second. Memory is bounded: 900 samples a figure. */
export class FigureBoard implements SystemFigures {
  readonly #clock: Clock;
  readonly #probes: FigureProbe[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #histories = new Map<string, FigureSample[]>();
  readonly #names = new Set<string>();
  #current: Record<string, number> = {};
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addProbe(probe: FigureProbe): void {
    this.#probes.push(probe);
  }

  start(): void {
    const tick = () => {
      this.sample();
      this.#cancel = this.#clock.schedule(tick, SAMPLE_INTERVAL_MS);
    };
    this.#cancel ??= this.#clock.schedule(tick, SAMPLE_INTERVAL_MS);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Takes one sample now. */
  sample(): void {
    const nowMs = this.#clock.nowMs();
    const current: Record<string, number> = {};
    for (const probe of this.#probes) {
      for (const [name, value] of Object.entries(probe(nowMs))) {
        this.#names.add(name);
        if (value === undefined || !Number.isFinite(value)) continue;
        current[name] = value;
        this.#remember(name, [nowMs, value]);
      }
    }
    this.#current = current;
    for (const listener of this.#listeners) listener();
  }

  read(): Readonly<Record<string, number>> {
    return this.#current;
  }

  /** All figures that there are, whether they are known at this moment or not. */
  names(): ReadonlySet<string> {
    return this.#names;
  }

  history(name: string, lastMs: number): readonly FigureSample[] {
    const sinceMs = this.#clock.nowMs() - lastMs;
    return (this.#histories.get(name) ?? []).filter(([timeMs]) => timeMs >= sinceMs);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #remember(name: string, sample: FigureSample): void {
    let history = this.#histories.get(name);
    if (history === undefined) this.#histories.set(name, (history = []));
    history.push(sample);
    if (history.length > HISTORY_SAMPLES) history.shift();
  }
}
