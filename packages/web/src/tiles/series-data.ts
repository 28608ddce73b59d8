import type { LiveResult, LiveRow, SeriesTile } from 'millrace/wire';
import { numberOf } from '../format/number-format.ts';
import { timeOf } from '../format/time-format.ts';
import { titleOf } from '../format/value-format.ts';

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** From 0; the same for the same label as long as the labels stay. */
  readonly color: number;
}

export interface SeriesData {
  readonly timesMs: readonly number[];
  readonly lines: readonly Line[];
}

// More lines than colours that can be told apart are one line, "Other".
const linesMax = 8;

type SeriesShape = Pick<SeriesTile, 'time' | 'by' | 'values' | 'shape'>;

/**
 * The table of a series tile as lines over common times, oldest first. Rows without a readable time are left
 * out.
 */
export function seriesDataOf(result: LiveResult, tile: SeriesShape): SeriesData {
  const timeIndex = tile.time === undefined ? 0 : result.columns.indexOf(tile.time);
  const rows = timed(result, timeIndex);
  return tile.by === undefined
    ? wide(result, tile, { rows, timeIndex })
    : long(result, tile, { rows, timeIndex });
}

interface Timed {
  readonly rows: readonly (readonly [timeMs: number, row: LiveRow])[];
  readonly timeIndex: number;
}

function timed(result: LiveResult, timeIndex: number): Timed['rows'] {
  const rows: [number, LiveRow][] = [];
  for (const row of result.rows) {
    const timeMs = timeOf(row[timeIndex]);
    if (timeMs !== undefined) rows.push([timeMs, row]);
  }
  return rows.toSorted(([one], [other]) => one - other);
}

/** Each value column is a line. */
function wide(result: LiveResult, tile: SeriesShape, { rows, timeIndex }: Timed): SeriesData {
  const chosen =
    tile.values.length > 0
      ? tile.values
      : result.columns.filter((_, index) => index !== timeIndex).map((column) => ({ column }));
  const lines = chosen.map(({ column, ...given }, color) => {
    const index = result.columns.indexOf(column);
    const label = 'label' in given && given.label !== undefined ? given.label : titleOf(column);
    return { label, color, values: rows.map(([, row]) => numberOf(row[index]) ?? null) };
  });
  return { timesMs: rows.map(([timeMs]) => timeMs), lines };
}

/**
 * Each distinct value of the `by` column is a line; in stacked shapes a time without a value counts nothing.
 */
function long(result: LiveResult, tile: SeriesShape, { rows, timeIndex }: Timed): SeriesData {
  const byIndex = result.columns.indexOf(tile.by as string);
  const valueColumn = tile.values[0]?.column;
  const valueIndex =
    valueColumn === undefined
      ? result.columns.findLastIndex((_, index) => index !== timeIndex && index !== byIndex)
      : result.columns.indexOf(valueColumn);
  const timesMs = [...new Set(rows.map(([timeMs]) => timeMs))];
  const positions = new Map(timesMs.map((timeMs, position) => [timeMs, position]));
  const missing = tile.shape === 'line' ? null : 0;
  const lines = new Map<string, (number | null)[]>();
  for (const [timeMs, row] of rows) {
    const name = String(row[byIndex] ?? '');
    let values = lines.get(name);
    if (values === undefined) lines.set(name, (values = timesMs.map(() => missing)));
    const value = numberOf(row[valueIndex]);
    if (value !== undefined) values[positions.get(timeMs) as number] = value;
  }
  return { timesMs, lines: limited(lines) };
}

/** The largest first; colours go by the alphabet, so that a change of places changes no colour. */
function limited(values: ReadonlyMap<string, readonly (number | null)[]>): readonly Line[] {
  const names = [...values.keys()].toSorted();
  const lines = names.map((name, color) => ({
    label: titleOf(name) || 'None',
    color: color % linesMax,
    values: values.get(name) ?? [],
  }));
  const sorted = lines.toSorted((one, other) => total(other) - total(one));
  if (sorted.length <= linesMax) return sorted;
  const shown = sorted.slice(0, linesMax - 1).map((line, color) => ({ ...line, color }));
  return [...shown, { label: 'Other', color: linesMax - 1, values: sumOf(sorted.slice(linesMax - 1)) }];
}

function total({ values }: Line): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function sumOf(lines: readonly Line[]): (number | null)[] {
  return (lines[0] as Line).values.map((_, index) =>
    lines.reduce<number | null>((sum, line) => {
      const value = line.values[index] ?? null;
      return value === null ? sum : (sum ?? 0) + value;
    }, null),
  );
}

/** The last value that there is. */
export function lastOf(values: readonly (number | null)[]): number | undefined {
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i];
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}
