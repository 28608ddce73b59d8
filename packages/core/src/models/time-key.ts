/**
 * Keys that are a time of a column: the rows of a key then lie in a range of that column, and constant ranges
 * let the engine skip all row groups outside them (a join cannot: its bounds are not known when the scan is
 * planned).
 */
import { constantText, isNode, nodesOf, type SyntaxNode } from './syntax-tree.ts';
import { quoteName } from './sql-text.ts';

export interface TimeKey {
  readonly column: string;
  readonly columnType: 'DATE' | 'TIMESTAMP';
  readonly unit: TimeUnit;
}

/** How long a value of the key lasts; `point` is the column itself. */
export type TimeUnit = keyof typeof UNITS;

/** Half open. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const HOUR_MS = 3_600_000;
/** JavaScript takes years below 100 for those after 1900. */
const YEAR_1000_MS = Date.UTC(1000, 0, 1);
const UNITS = {
  point: (ms: number) => ms + 1,
  second: (ms: number) => ms + 1000,
  minute: (ms: number) => ms + 60_000,
  hour: (ms: number) => ms + HOUR_MS,
  day: (ms: number) => ms + 24 * HOUR_MS,
  week: (ms: number) => ms + 7 * 24 * HOUR_MS,
  month: (ms: number) => addMonths(ms, 1),
  quarter: (ms: number) => addMonths(ms, 3),
  year: (ms: number) => addMonths(ms, 12),
};

/** `column`, `cast(column as date)` or `date_trunc('unit', column)` of a column without time zone. */
export function timeKeyOf(expression: SyntaxNode, types: ReadonlyMap<string, string>): TimeKey | undefined {
  if (expression.class === 'COLUMN_REF') {
    const column = (expression.column_names?.at(-1) ?? '').toLowerCase();
    const type = types.get(column);
    if (type === 'DATE') return { column, columnType: 'DATE', unit: 'day' };
    return type === 'TIMESTAMP' ? { column, columnType: 'TIMESTAMP', unit: 'point' } : undefined;
  }
  if (expression.class === 'CAST' && isNode(expression['cast_type']) && isNode(expression['child'])) {
    const inner = timeKeyOf(expression['child'], types);
    if (inner === undefined || expression['try_cast'] === true) return undefined;
    if (expression['cast_type']['id'] === 'DATE') return { ...inner, unit: atLeastDay(inner.unit) };
    return expression['cast_type']['id'] === 'TIMESTAMP' ? inner : undefined;
  }
  if (expression.class !== 'FUNCTION' || expression.function_name !== 'date_trunc') return undefined;
  const [unit, child] = nodesOf(expression['children']);
  const name = constantText(unit)?.toLowerCase() ?? '';
  const inner = child === undefined ? undefined : timeKeyOf(child, types);
  const isPlain = child?.class === 'COLUMN_REF' && inner !== undefined && Object.hasOwn(UNITS, name);
  if (!isPlain || name === 'point') return undefined;
  return { ...inner, unit: inner.columnType === 'DATE' ? atLeastDay(name as TimeUnit) : (name as TimeUnit) };
}

function atLeastDay(unit: TimeUnit): TimeUnit {
  return unit === 'point' || unit === 'second' || unit === 'minute' || unit === 'hour' ? 'day' : unit;
}

/**
 * The milliseconds of a time as the engine writes it (`2026-01-31 10:00:00`); undefined for what is not so
 * simple.
 */
export function timeMsOf(value: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?$/.test(value)) return undefined;
  const [day, time = '00:00:00'] = value.split(' ');
  const ms = Date.parse(`${day}T${time.slice(0, 12)}Z`);
  return Number.isNaN(ms) || ms < YEAR_1000_MS ? undefined : ms;
}

/** The range of column values whose key begins at `fromMs`. */
export function timeRangeOf(fromMs: number, unit: TimeUnit): TimeRange {
  return { fromMs, toMs: UNITS[unit](fromMs) };
}

/** The value of a key in whose range the time lies. */
export function truncateTime(ms: number, unit: TimeUnit): number {
  const date = new Date(ms);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  switch (unit) {
    case 'point':
      return ms;
    case 'second':
    case 'minute':
    case 'hour':
    case 'day':
      return ms - modulo(ms, UNITS[unit](0));
    case 'week':
      // The epoch was a Thursday; weeks begin on Monday.
      return ms - modulo(ms + 3 * 24 * HOUR_MS, UNITS.week(0));
    case 'month':
      return Date.UTC(year, month);
    case 'quarter':
      return Date.UTC(year, month - (month % 3));
    case 'year':
      return Date.UTC(year, 0);
  }
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

/**
 * Disjoint ranges that cover all given ones. Gaps up to `gapMsMax` are closed: reading them costs less than
 * another scan. At most `countMax` ranges are left: the narrowest gaps go first.
 */
export function coverRanges(
  ranges: readonly TimeRange[],
  { gapMsMax, countMax }: { gapMsMax: number; countMax: number },
): TimeRange[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of ranges.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs - last.toMs <= gapMsMax) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  const gaps = merged.slice(1).map((range, index) => range.fromMs - (merged[index]?.toMs ?? 0));
  const excess = merged.length - countMax;
  if (excess <= 0) return merged;
  const widest = gaps.toSorted((a, b) => a - b)[excess - 1] ?? Infinity;
  return coverRanges(merged, { gapMsMax: widest, countMax });
}

/** The condition that a column's value lies in the range. */
export function rangeCondition(key: TimeKey, range: TimeRange): string {
  const column = quoteName(key.column);
  const literal = key.columnType === 'DATE' ? dateLiteral : timestampLiteral;
  return `${column} >= ${literal(range.fromMs)} and ${column} < ${literal(range.toMs)}`;
}

export function timeLiteral(type: 'DATE' | 'TIMESTAMP', ms: number): string {
  return type === 'DATE' ? dateLiteral(ms) : timestampLiteral(ms);
}

function timestampLiteral(ms: number): string {
  return `timestamp '${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')}'`;
}

function dateLiteral(ms: number): string {
  return `date '${new Date(ms).toISOString().slice(0, 10)}'`;
}

function addMonths(ms: number, months: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, date.getUTCDate());
}
