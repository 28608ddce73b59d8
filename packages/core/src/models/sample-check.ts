/**
 * Compares samples of a live table with the full SQL of its model, all the time.
 *
 * Over short histories the full SQL is taken as it is and filtered from outside: no declaration is trusted. Over long
 * ones that costs seconds, in which no load could begin. There, a model whose parse tree proves that its rows follow
 * from parent rows of their own key is computed over the parents' rows of one time: constants that the engine can skip
 * by. What is not proven is still compared with the whole, rarely.
 */
import type { Random } from '../base/index.ts';
import type { SqlSession, SqlValue } from '../warehouse/index.ts';
import type { KeyedParent, KeyedPlan } from './plan.ts';
import { boundQuery, columnList, columnNames } from './refresh-sql.ts';
import { quoteName, quoteText, relationSql } from './sql-text.ts';
import { rangeCondition, timeMsOf, timeRangeOf, type TimeKey } from './time-key.ts';

/** Neighbouring rows of which a sample takes its keys. */
const NEIGHBOURS = 256;
const KEYS_MAX = 8;
/** Every so often the sample is taken from the newest rows: they are the ones that just changed. */
const NEWEST_SHARE = 0.5;
const SHORT_HISTORY_ROWS = 1_000_000;
/** How often a model that is not proven is compared with the whole of a long history. */
const UNPROVEN_SHARE = 0.02;
/** Event time of which all rows of an appending model are compared. */
const SLICE_MS = 1000;

export interface SampleResult {
  /** Keys, or for an appending model rows, that were compared; 0 when there was nothing to compare. */
  readonly count: number;
  /** Rows that are only in the live table or only in the full SQL. */
  readonly differenceCount: number;
  /** The condition that chose the rows. */
  readonly where: string;
}

const NOTHING: SampleResult = { count: 0, differenceCount: 0, where: 'false' };

export interface SampleOptions {
  readonly plan: KeyedPlan;
  readonly random: Random;
  /** Parent rows up to which the full SQL is taken as it is; default 1,000,000. */
  readonly shortHistoryRows?: number;
}

export async function checkSample(session: SqlSession, options: SampleOptions): Promise<SampleResult> {
  const { plan, random, shortHistoryRows = SHORT_HISTORY_ROWS } = options;
  const isLong = (await historyRows(session, plan)) > shortHistoryRows;
  if (isLong && plan.strategy === 'append' && plan.timeColumn !== undefined) {
    return checkSlice(session, { plan, column: plan.timeColumn, random });
  }
  const keys = await sampleKeys(session, plan, random);
  if (keys.length === 0) return NOTHING;
  const anchor = timeAnchor(plan);
  const block = anchor < 0 ? keys : keys.filter((key) => key[anchor] === keys[0]?.[anchor]);
  const where = keyCondition(plan, block);
  let expected: string | undefined = plan.model.sql;
  if (isLong) {
    expected = plan.isProven ? sqlOfTime(plan, { anchor, value: block[0]?.[anchor] ?? null }) : undefined;
    if (expected === undefined && random.next() < UNPROVEN_SHARE) expected = plan.model.sql;
  }
  if (expected === undefined) return NOTHING;
  return {
    count: block.length,
    differenceCount: await countDifferences(session, plan, { expected, where }),
    where,
  };
}

/** All rows of a moment: ids are compared elsewhere, so that here each row stands for itself. */
async function checkSlice(
  session: SqlSession,
  { plan, column, random }: { plan: KeyedPlan; column: string; random: Random },
): Promise<SampleResult> {
  const [parent] = plan.parents;
  if (parent === undefined) return NOTHING;
  const place = await randomPlace(session, relationSql(parent.relation), random);
  if (place === undefined) return NOTHING;
  const name = quoteName(column);
  const [row] = await session.rows(`select epoch_ms(${name}) from ${relationSql(parent.relation)}
    where ${place} and isfinite(${name}) limit 1`);
  if (row?.[0] === null || row?.[0] === undefined) return NOTHING;
  const fromMs = Number(row[0]);
  const key: TimeKey = { column, columnType: 'TIMESTAMP', unit: 'point' };
  const where = rangeCondition(key, { fromMs, toMs: fromMs + SLICE_MS });
  const expected = boundQuery(
    plan,
    ({ relation }) => `select * from ${relationSql(relation)} where ${where}`,
  );
  const differenceCount = await countDifferences(session, plan, { expected, where });
  const [count] = await session.rows(
    `select count(*) from ${relationSql(plan.model.relation)} where ${where}`,
  );
  return { count: Number(count?.[0]), differenceCount, where };
}

/** How many rows differ between the live table and the expected ones, among those that the condition chooses. */
async function countDifferences(
  session: SqlSession,
  plan: KeyedPlan,
  { expected, where }: { expected: string; where: string },
): Promise<number> {
  const names = columnList(columnNames(plan));
  const [row] =
    await session.rows(`with full_rows as materialized (select ${names} from (${expected}\n) where ${where}),
    live_rows as materialized (select ${names} from ${relationSql(plan.model.relation)} where ${where})
    select (select count(*) from (from full_rows except all from live_rows))
      + (select count(*) from (from live_rows except all from full_rows))`);
  return Number(row?.[0]);
}

async function historyRows(session: SqlSession, plan: KeyedPlan): Promise<number> {
  const counts = plan.parents.map(({ relation }) => `(select count(*) from ${relationSql(relation)})`);
  const [row] = await session.rows(`select ${counts.join(' + ')}`);
  return Number(row?.[0]);
}

/** The full SQL over the parents' rows of one time; undefined when a parent has no such range. */
function sqlOfTime(
  plan: KeyedPlan,
  { anchor, value }: { anchor: number; value: SqlValue },
): string | undefined {
  const fromMs = value === null ? undefined : timeMsOf(String(value));
  if (anchor < 0 || (value !== null && fromMs === undefined)) return undefined;
  const conditionOf = ({ timeKeys }: KeyedParent) => {
    const key = timeKeys[anchor];
    if (key === undefined) return undefined;
    if (fromMs === undefined) return `${quoteName(key.column)} is null`;
    return rangeCondition(key, timeRangeOf(fromMs, key.unit));
  };
  if (plan.parents.some((parent) => conditionOf(parent) === undefined)) return undefined;
  return boundQuery(
    plan,
    (parent) => `select * from ${relationSql(parent.relation)} where ${conditionOf(parent)}`,
  );
}

/** The first key that is a time; -1 when none is. */
function timeAnchor(plan: KeyedPlan): number {
  const types = new Map(plan.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  return plan.grain.findIndex((column) => /^(DATE|TIMESTAMP)/.test(types.get(column.toLowerCase()) ?? ''));
}

/**
 * Keys of neighbouring rows: of a parent, where rows that are missing show, or of the table, where superfluous ones do.
 */
async function sampleKeys(session: SqlSession, plan: KeyedPlan, random: Random): Promise<SqlValue[][]> {
  const sources = [
    { table: relationSql(plan.model.relation), keys: plan.grain.map(quoteName) },
    ...plan.parents.map(({ relation, keys }) => ({ table: relationSql(relation), keys })),
  ];
  const source = sources[Math.floor(random.next() * sources.length)];
  if (source === undefined) return [];
  const place = await randomPlace(session, source.table, random);
  if (place === undefined) return [];
  const texts = source.keys.map((sql) => `cast((${sql}) as varchar)`).join(', ');
  const rows = await session.rows(`select distinct ${texts} from ${source.table} where ${place}`);
  const start = Math.floor(random.next() * rows.length);
  return [...rows.slice(start), ...rows.slice(0, start)].slice(0, KEYS_MAX);
}

/** A condition that chooses some neighbouring rows of a table; undefined when it has none. */
async function randomPlace(session: SqlSession, table: string, random: Random): Promise<string | undefined> {
  const [size] = await session.rows(`select max(rowid) from ${table}`);
  const last = Number(size?.[0] ?? -1);
  if (last < 0) return undefined;
  const share = random.next();
  const newest = Math.min(last, 8 * NEIGHBOURS);
  const from = random.next() < NEWEST_SHARE ? last - share * newest : share * last;
  const first = Math.max(0, Math.floor(from));
  return `rowid >= ${first} and rowid < ${first + NEIGHBOURS}`;
}

/** Plain comparisons with constants, so that the engine carries them down to the scans. */
function keyCondition(plan: KeyedPlan, keys: readonly SqlValue[][]): string {
  const types = new Map(plan.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const conditions = plan.grain.map((column, index) => {
    const values = new Set(keys.map((key) => key[index] ?? null));
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
