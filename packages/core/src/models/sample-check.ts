import type { Random } from '../base/index.ts';
import type { SqlSession, SqlValue } from '../warehouse/index.ts';
import type { KeyedPlan } from './plan.ts';
import { columnList, columnNames } from './refresh-sql.ts';
import { quoteName, quoteText, relationSql } from './sql-text.ts';

/** Neighbouring rows of which a sample takes its keys. */
const NEIGHBOURS = 256;
const KEYS_MAX = 8;
/** Every so often the sample is taken from the newest rows: they are the ones that just changed. */
const NEWEST_SHARE = 0.5;

export interface SampleResult {
  /** Keys that were compared; 0 when there was nothing to compare. */
  readonly keyCount: number;
  /** Rows that are only in the live table or only in the full SQL. */
  readonly differenceCount: number;
  /** The condition that chose the rows. */
  readonly where: string;
}

/**
 * Compares some keys of a live table with the model's full SQL, filtered from outside: no declaration is
 * trusted.
 */
export async function checkSample(
  session: SqlSession,
  plan: KeyedPlan,
  random: Random,
): Promise<SampleResult> {
  const keys = await sampleKeys(session, plan, random);
  if (keys.length === 0) return { keyCount: 0, differenceCount: 0, where: 'false' };
  const where = keyCondition(plan, keys);
  return { keyCount: keys.length, differenceCount: await countDifferences(session, plan, where), where };
}

/** How many rows differ between the live table and the full SQL, among those that the condition chooses. */
export async function countDifferences(session: SqlSession, plan: KeyedPlan, where: string): Promise<number> {
  const names = columnList(columnNames(plan));
  const [row] =
    await session.rows(`with full_rows as materialized (select ${names} from (${plan.model.sql}\n) where ${where}),
    live_rows as materialized (select ${names} from ${relationSql(plan.model.relation)} where ${where})
    select (select count(*) from (from full_rows except all from live_rows))
      + (select count(*) from (from live_rows except all from full_rows))`);
  return Number(row?.[0]);
}

/**
 * Keys of neighbouring rows: of a parent, where rows that are missing show, or of the table, where
 * superfluous ones do.
 */
async function sampleKeys(session: SqlSession, plan: KeyedPlan, random: Random): Promise<SqlValue[][]> {
  const places = [
    { table: relationSql(plan.model.relation), keys: plan.grain.map(quoteName) },
    ...plan.parents.map(({ relation, keys }) => ({ table: relationSql(relation), keys })),
  ];
  const place = places[Math.floor(random.next() * places.length)];
  if (place === undefined) return [];
  const [size] = await session.rows(`select max(rowid) from ${place.table}`);
  const last = Number(size?.[0] ?? -1);
  if (last < 0) return [];
  const share = random.next();
  const from = random.next() < NEWEST_SHARE ? last - share * 8 * NEIGHBOURS : share * last;
  const first = Math.max(0, Math.floor(from));
  const texts = place.keys.map((sql) => `cast((${sql}) as varchar)`).join(', ');
  const rows = await session.rows(`select distinct ${texts} from ${place.table}
    where rowid >= ${first} and rowid < ${first + NEIGHBOURS}`);
  const start = Math.floor(random.next() * rows.length);
  return [...rows.slice(start), ...rows.slice(0, start)].slice(0, KEYS_MAX);
}

/**
 * A block of keys: the first key's time, where the keys have one, and any of the sampled values of each other
 * column. Plain comparisons with constants, so that the engine carries them down to the scans.
 */
function keyCondition(plan: KeyedPlan, keys: readonly SqlValue[][]): string {
  const types = new Map(plan.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const isTime = (column: string) => /^(DATE|TIMESTAMP)/.test(types.get(column.toLowerCase()) ?? '');
  const anchor = plan.grain.findIndex(isTime);
  const block = anchor < 0 ? keys : keys.filter((key) => key[anchor] === keys[0]?.[anchor]);
  const conditions = plan.grain.map((column, index) => {
    const values = new Set(block.map((key) => key[index] ?? null));
    const type = types.get(column.toLowerCase()) ?? 'VARCHAR';
    const literals = [...values]
      .filter((value) => value !== null)
      .map((value) => `cast(${quoteText(String(value))} as ${type})`);
    const isNull = values.has(null) ? [`${quoteName(column)} is null`] : [];
    const isOne = literals.length === 0 ? [] : [`${quoteName(column)} in (${literals.join(', ')})`];
    return `(${[...isOne, ...isNull].join(' or ')})`;
  });
  return conditions.join(' and ');
}
