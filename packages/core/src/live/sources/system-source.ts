import type { Clock } from '../../base/index.ts';
import type { LiveSource, LiveValue } from '../port.ts';
import { onlyFields, optionalCount, textList } from './fields.ts';

/**
 * The system's own figures, by name; the observe room fills it. Names are snake_case with the unit last. A
 * figure that is not known (yet) is absent.
 */
export interface SystemFigures {
  read(): Readonly<Record<string, number>>;
  /** Samples of the last `lastMs`, oldest first; empty for an unknown name. */
  history(name: string, lastMs: number): readonly (readonly [timeMs: number, value: number])[];
  /** Called after each sample. Returns the cancellation. */
  onChange(listener: () => void): () => void;
}

/** The normal form of `{source: 'system', figures, lastMs?}`. */
export interface SystemQuery {
  readonly figures: readonly string[];
  /** Present: a series with column `time`; absent: one row with the values of now. */
  readonly lastMs: number | undefined;
}

/** Throughput, latency, lag: one row of values, or their history as a series. */
export function systemSource(figures: SystemFigures, clock: Clock): LiveSource<SystemQuery> {
  return {
    name: 'system',
    check(asked) {
      onlyFields(asked, ['figures', 'lastMs']);
      return { figures: textList(asked, 'figures'), lastMs: optionalCount(asked, 'lastMs', 7 * 86_400_000) };
    },
    evaluate({ figures: names, lastMs }) {
      const watermarkMs = clock.nowMs();
      if (lastMs === undefined) {
        const values = figures.read();
        return Promise.resolve({
          columns: names,
          rows: [names.map((name) => finite(values[name]))],
          watermarkMs,
        });
      }
      return Promise.resolve({
        columns: ['time', ...names],
        rows: seriesOf(figures, names, lastMs),
        watermarkMs,
      });
    },
    watch: (_query, changed) => figures.onChange(changed),
  };
}

function seriesOf(figures: SystemFigures, names: readonly string[], lastMs: number): LiveValue[][] {
  const rows = new Map<number, LiveValue[]>();
  names.forEach((name, index) => {
    for (const [tMs, value] of figures.history(name, lastMs)) {
      let row = rows.get(tMs);
      if (row === undefined) {
        row = [tMs, ...names.map(() => null)];
        rows.set(tMs, row);
      }
      row[index + 1] = finite(value);
    }
  });
  return [...rows.values()].toSorted((one, other) => (one[0] as number) - (other[0] as number));
}

function finite(value: number | undefined): LiveValue {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
