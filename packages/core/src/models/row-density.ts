import type { SqlSession } from '../warehouse/index.ts';
import type { KeyedParent } from './plan.ts';
import { quoteName, relationSql } from './sql-text.ts';

/** Rows that cost about as much to read as a range more: planning it, and its partly read row groups. */
const RANGE_COST_ROWS = 122_880;
const HOUR_MS = 3_600_000;

/** How dense the rows of parents lie in time: what decides whether two ranges are better read as one. */
export class RowDensity {
  /** Rows a millisecond, by relation and column. */
  readonly #rowsPerMs = new Map<string, number>();

  /** The gap between two ranges that costs about as much to read as a range more. */
  gapMs(parent: KeyedParent): number {
    const rowsPerMs = this.#rowsPerMs.get(placeOf(parent));
    return rowsPerMs === undefined || rowsPerMs === 0 ? Infinity : RANGE_COST_ROWS / rowsPerMs;
  }

  /** Counts again. Extremes come from statistics, the newest hour from its own row groups. */
  async measure(session: SqlSession, parent: KeyedParent): Promise<void> {
    const column = timeColumnOf(parent);
    if (column === undefined) return;
    const [name, table] = [quoteName(column), relationSql(parent.relation)];
    const [extremes] = await session.rows(
      `select count(*), epoch_ms(min(${name})::timestamp), epoch_ms(max(${name})::timestamp) from ${table}`,
    );
    const [count, firstMs, lastMs] = (extremes ?? []).map(Number);
    if (count === undefined || firstMs === undefined || lastMs === undefined || count === 0) return;
    const [newest] = await session.rows(
      `select count(*) from ${table} where ${name} >= make_timestamp(${lastMs - HOUR_MS}::bigint * 1000)`,
    );
    const average = count / Math.max(1, lastMs - firstMs);
    this.#rowsPerMs.set(placeOf(parent), Math.max(average, Number(newest?.[0]) / HOUR_MS));
  }
}

function timeColumnOf(parent: KeyedParent): string | undefined {
  return parent.timeKeys.find((timeKey) => timeKey !== undefined)?.column;
}

function placeOf(parent: KeyedParent): string {
  return `${relationSql(parent.relation)}.${timeColumnOf(parent)}`;
}
