import type { DataFile } from '@millrace/adapters/duckdb';

interface Comparison {
  readonly title: string;
  /** SQL over the file, which the text calls `file`. */
  readonly sql: string;
  /** The same question to the metrics API. */
  readonly query: Readonly<Record<string, unknown>>;
  /** Members in the order of the SQL's columns. */
  readonly members: readonly string[];
}

const SUMS = 'count(*), sum(delay)::bigint, sum(distance)::bigint';
const MEASURES = ['flights.flights', 'flights.delay_minutes', 'flights.distance_miles'];

const COMPARISONS: readonly Comparison[] = [
  {
    title: 'all flights: count, minutes of delay, miles',
    sql: `select ${SUMS} from file`,
    query: { measures: MEASURES },
    members: MEASURES,
  },
  {
    title: 'by day',
    sql: `select strftime(date, '%Y-%m-%d'), ${SUMS} from file group by 1`,
    query: { measures: MEASURES, timeDimensions: [{ dimension: 'flights.flight_date', granularity: 'day' }] },
    members: ['flights.flight_date.day', ...MEASURES],
  },
  {
    title: 'by origin',
    sql: `select origin, ${SUMS} from file group by 1`,
    query: { measures: MEASURES, dimensions: ['flights.origin'] },
    members: ['flights.origin', ...MEASURES],
  },
  {
    title: 'by hour of departure',
    sql: 'select hour(date), count(*), sum(delay)::bigint from file group by 1',
    query: { measures: ['hours.flights', 'hours.delay_minutes'], dimensions: ['hours.departure_hour'] },
    members: ['hours.departure_hour', 'hours.flights', 'hours.delay_minutes'],
  },
  {
    title: 'by route',
    sql: "select origin || '-' || destination, count(*), sum(delay)::bigint from file group by 1",
    query: { measures: ['routes.flights', 'routes.delay_minutes'], dimensions: ['routes.route'] },
    members: ['routes.route', 'routes.flights', 'routes.delay_minutes'],
  },
];

export interface ComparisonOptions {
  readonly file: DataFile;
  readonly url: string;
  readonly print: (line: string) => void;
}

/** Asks each question both ways and prints whether the answers are equal, row for row. */
export async function compareFigures({
  file,
  url,
  print,
}: ComparisonOptions): Promise<{ passed: number; failed: number }> {
  let failed = 0;
  for (const comparison of COMPARISONS) {
    const expected = canonical(await file.query(comparison.sql));
    const actual = canonical(await ask(url, comparison));
    const { missing, extra } = difference(expected, actual);
    const isEqual = missing.length === 0 && extra.length === 0;
    print(`  ${isEqual ? 'equal    ' : 'DIFFERENT'}  ${comparison.title}: ${expected.length} rows`);
    if (isEqual) continue;
    failed++;
    for (const row of missing.slice(0, 3)) print(`             in the file only:    ${row}`);
    for (const row of extra.slice(0, 3)) print(`             in the answer only:  ${row}`);
  }
  return { passed: COMPARISONS.length - failed, failed };
}

/** Rows of one side alone; a row that a side has twice counts twice. */
function difference(
  expected: readonly string[],
  actual: readonly string[],
): { missing: string[]; extra: string[] } {
  const counts = new Map<string, number>();
  for (const row of expected) counts.set(row, (counts.get(row) ?? 0) + 1);
  const extra: string[] = [];
  for (const row of actual) {
    const count = counts.get(row) ?? 0;
    if (count === 0) extra.push(row);
    else counts.set(row, count - 1);
  }
  const missing = [...counts].flatMap(([row, count]) => Array.from({ length: count }, () => row));
  return { missing, extra };
}

async function ask(
  url: string,
  { query, members }: Pick<Comparison, 'query' | 'members'>,
): Promise<unknown[][]> {
  const response = await fetch(new URL('/cubejs-api/v1/load', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: { ...query, limit: 50_000 } }),
  });
  const answer = (await response.json()) as { error?: string; data: Record<string, unknown>[] };
  if (answer.error === 'Continue wait') return ask(url, { query, members });
  if (!response.ok) throw new Error(`the metrics API answered ${response.status}: ${answer.error}`);
  return answer.data.map((row) => members.map((member) => row[member]));
}

/** Rows as text: numbers and days written the same way on both sides. */
function canonical(rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => row.map((value) => String(value).replace(/T00:00:00\.000$/, '')).join(' | '));
}
