import type { MetricResult } from '@millrace/core/semantic';

type Value = string | number | boolean | null;

/** One result as Cube's `load` has it, in the columnar format. */
interface CubeResult {
  readonly query: {
    readonly measures?: readonly string[];
    readonly dimensions?: readonly string[];
    readonly timeDimensions?: readonly { readonly dimension: string; readonly granularity?: string }[];
  };
  readonly annotation: Readonly<Record<string, Readonly<Record<string, { readonly type?: string }>>>>;
  readonly lastRefreshTime?: string;
  readonly data: { readonly members: readonly string[]; readonly columns: readonly (readonly Value[])[] };
}

export interface CubeAnswer {
  readonly queryType: string;
  readonly results: readonly CubeResult[];
}

/**
 * Cube's answer as rows by position: dimensions, then time dimensions, then measures, each in the query's
 * order, whether there are rows or not. A comparison of date ranges has the range as its first column, one
 * range's rows after another.
 */
export function metricResultOf({ queryType, results }: CubeAnswer): MetricResult {
  const [first] = results;
  if (first === undefined) return { members: [], rows: [], watermarkMs: undefined };
  const members = membersOf(first, queryType === 'compareDateRangeQuery');
  const rows: Value[][] = [];
  let watermarkMs: number | undefined = Number.POSITIVE_INFINITY;
  for (const result of results) {
    appendRows(result, members, rows);
    watermarkMs = Math.min(watermarkMs, Date.parse(result.lastRefreshTime ?? ''));
  }
  return { members, rows, watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : undefined };
}

function membersOf({ query }: CubeResult, comparison: boolean): string[] {
  const times = (query.timeDimensions ?? []).filter((time) => time.granularity !== undefined);
  return [
    ...(comparison ? ['compareDateRange'] : []),
    ...(query.dimensions ?? []),
    ...times.map((time) => `${time.dimension}.${time.granularity}`),
    ...(query.measures ?? []),
  ];
}

function appendRows({ annotation, data }: CubeResult, members: readonly string[], rows: Value[][]): void {
  const start = rows.length;
  const count = data.columns[0]?.length ?? 0;
  for (let row = 0; row < count; row++) rows.push(Array.from<Value>({ length: members.length }).fill(null));
  for (let index = 0; index < members.length; index++) {
    const member = members[index] as string;
    const column = data.columns[data.members.indexOf(member)];
    if (column === undefined) continue;
    const isNumber =
      (annotation['measures']?.[member] ?? annotation['dimensions']?.[member])?.type === 'number';
    for (let row = 0; row < count; row++) {
      const value = column[row] as Value;
      (rows[start + row] as Value[])[index] = isNumber && typeof value === 'string' ? numberOf(value) : value;
    }
  }
}

/** The number where it holds the text exactly, else the text; null for infinity and what is not a number. */
export function numberOf(text: string): number | string | null {
  const number = Number(text);
  if (!Number.isFinite(number) || text === '') return /^(|NaN|-?Infinity)$/.test(text) ? null : text;
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(number) ? number : text;
  if (String(number) === text) return number;
  // Fifteen digits survive the way through a double whatever their form (`1.20`, `1e3`).
  return text.replaceAll(/[^0-9]/g, '').length <= 15 ? number : text;
}
