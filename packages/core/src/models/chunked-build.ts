/**
 * Builds a live model's table part by part, so that a long history fits the memory: its rows follow from
 * parent rows of their own key alone, and keys can be told apart by time. Sorting or grouping ten million
 * rows at once takes gigabytes; a part takes what a part takes.
 */
import type { SqlSession } from '../warehouse/index.ts';
import type { KeyedParent, KeyedPlan } from './plan.ts';
import { boundQuery } from './refresh-sql.ts';
import { quoteName, relationSql } from './sql-text.ts';
import { timeLiteral, truncateTime, type TimeKey } from './time-key.ts';

/** Parent rows of a part: about 50 MB of wide rows, twice that while they are sorted. */
const PART_ROWS = 250_000;

/** By which column of each parent the parts are told apart. */
type Partition = (parent: KeyedParent) => TimeKey;

export interface BuildPart {
  readonly number: number;
  readonly count: number;
}

/**
 * Makes the table anew. False, and nothing done, when the parents are small or keys cannot be told apart by
 * time: then the full SQL does it at once.
 */
export async function buildInParts(
  session: SqlSession,
  plan: KeyedPlan,
  onPart: (part: BuildPart) => void,
): Promise<boolean> {
  const partition = partitionOf(plan);
  if (partition === undefined) return false;
  const bounds = await boundsBetweenParts(session, plan, partition);
  if (bounds.length === 0) return false;
  const table = relationSql(plan.model.relation);
  for (let part = 0; part <= bounds.length + 1; part++) {
    const query = boundQuery(plan, (parent) => {
      const condition = partCondition(partition(parent), { bounds, part });
      return `select * from ${relationSql(parent.relation)} where ${condition}`;
    });
    await session.run(
      part === 0 ? `create or replace table ${table} as ${query}` : `insert into ${table} ${query}`,
    );
    onPart({ number: part + 1, count: bounds.length + 2 });
  }
  return true;
}

function partitionOf(plan: KeyedPlan): Partition | undefined {
  const [parent] = plan.parents;
  if (plan.strategy === 'append') {
    // Each row is a key of its own: any of its columns tells keys apart.
    const column = parent?.eventTime;
    const type = parent?.columns.find(({ name }) => name.toLowerCase() === column?.toLowerCase())?.type;
    return column === undefined || type !== 'TIMESTAMP'
      ? undefined
      : () => ({ column, columnType: 'TIMESTAMP', unit: 'second' });
  }
  const key = plan.grain.findIndex((_, index) =>
    plan.parents.every(({ timeKeys }) => timeKeys[index] !== undefined),
  );
  return key < 0 ? undefined : ({ timeKeys }) => timeKeys[key] as TimeKey;
}

/** Times at which a new part begins, none when there is only one. */
async function boundsBetweenParts(
  session: SqlSession,
  plan: KeyedPlan,
  partition: Partition,
): Promise<number[]> {
  let largest: { parent: KeyedParent; count: number } | undefined;
  for (const parent of plan.parents) {
    const [row] = await session.rows(`select count(*) from ${relationSql(parent.relation)}`);
    const count = Number(row?.[0]);
    if (largest === undefined || count > largest.count) largest = { parent, count };
  }
  if (largest === undefined || largest.count < 2 * PART_ROWS) return [];
  const keys = plan.parents.map(partition);
  const isByDay = keys.some(({ columnType }) => columnType === 'DATE');
  const { column, unit } = partition(largest.parent);
  const name = quoteName(column);
  // A point could be split from others of its millisecond.
  const step = isByDay ? 'day' : unit === 'point' ? 'second' : unit;
  const rows = await session.rows(`select epoch_ms(cast(min(step) as timestamp)) from (
      select step, (sum(row_count) over (order by step) - row_count) // ${PART_ROWS} as part from (
        select date_trunc('${step}', ${name}) as step, count(*) as row_count
        from ${relationSql(largest.parent.relation)} where isfinite(${name}) group by 1))
    group by part order by 1`);
  const bounds = rows.slice(1).map((row) => Number(row[0]));
  // Other parents may have coarser keys: a part must not begin inside one of theirs.
  const coarse = bounds.map((ms) =>
    keys.reduce((bound, key) => Math.min(bound, truncateTime(ms, key.unit)), ms),
  );
  return [...new Set(coarse)].filter((ms) => Number.isFinite(ms));
}

/** Parts in the order of time, open at both ends, and rows without a time last. */
function partCondition(
  { column, columnType }: TimeKey,
  { bounds, part }: { bounds: readonly number[]; part: number },
): string {
  const name = quoteName(column);
  if (part > bounds.length) return `${name} is null`;
  const [from, to] = [bounds[part - 1], bounds[part]];
  const conditions = [
    ...(from === undefined ? [] : [`${name} >= ${timeLiteral(columnType, from)}`]),
    ...(to === undefined ? [] : [`${name} < ${timeLiteral(columnType, to)}`]),
  ];
  return conditions.join(' and ');
}
