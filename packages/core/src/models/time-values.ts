import type { SqlSession } from '../warehouse/index.ts';
import type { KeyedParent, KeyedPlan } from './plan.ts';
import type { RowChanges } from './refresh-sql.ts';
import { quoteName } from './sql-text.ts';
import { coverRanges, rangeCondition, timeRangeOf, type TimeRange } from './time-key.ts';

/** Ranges of a parent that are read one by one; more are joined over their narrowest gaps. */
const RANGES_MAX = 24;
/** Values of a model's own time column that are listed; more are given as a range. */
const VALUES_MAX = 48;

/** What is known about the rows that changed in a relation. */
export interface MeasuredChanges extends RowChanges {
  readonly removedCount: number;
  readonly addedCount: number;
  /** Distinct values, as the engine writes them, of the time keys of all models that read the relation. */
  readonly times: ReadonlyMap<string, readonly (string | null)[]>;
}

/** Counts changed rows and collects the times that they touch, in one query. */
export async function measureChanges(
  session: SqlSession,
  changes: RowChanges,
  expressions: readonly string[],
): Promise<MeasuredChanges> {
  const { removed, added } = changes;
  const tables = [removed, added].filter((table) => table !== undefined);
  const counts = [removed, added].map((table, index) =>
    table === undefined ? undefined : `select ${index}, cast(count(*) as varchar) from ${table}`,
  );
  const times = expressions.map((sql, index) => {
    const values = tables.map((table) => `select (${sql}) as v from ${table}`).join(' union ');
    return `select ${index + 2}, cast(v as varchar) from (select distinct v from (${values}))`;
  });
  const rows = await session.rows(
    [...counts.filter((part) => part !== undefined), ...times].join(' union all '),
  );
  const found = new Map<string, (string | null)[]>(expressions.map((sql) => [sql, []]));
  const measured = [0, 0];
  for (const [kind, value] of rows) {
    const index = Number(kind);
    if (index < 2) measured[index] = Number(value);
    else
      found
        .get(expressions[index - 2] ?? '')
        ?.push(value === null || value === undefined ? null : String(value));
  }
  const [removedCount = 0, addedCount = 0] = measured;
  return {
    removed: removedCount === 0 ? undefined : removed,
    added: addedCount === 0 ? undefined : added,
    removedCount,
    addedCount,
    times: found,
  };
}

/** The time expressions over a relation by which its readers can be narrowed. */
export function timeExpressions(plans: readonly KeyedPlan[], deltaId: string): string[] {
  const expressions = new Set<string>();
  for (const plan of plans) {
    for (const parent of plan.parents) {
      if (parent.deltaId !== deltaId) continue;
      parent.keys.forEach((sql, key) => {
        if (parent.timeKeys[key] !== undefined) expressions.add(sql);
      });
    }
  }
  return [...expressions];
}

/** Where the rows of a model's changed keys lie. */
export interface TimeBounds {
  /** Conditions that exclude each other and cover the parent's rows; undefined when all must be read. */
  parentRanges(parent: KeyedParent): readonly string[] | undefined;
  /** A condition on the model's own columns. */
  own(table: string): string;
}

export const UNBOUNDED: TimeBounds = { parentRanges: () => undefined, own: () => 'true' };

/** Bounds from the times that the changes touch, by the first key that is a time in every changed parent. */
export function boundsOf(plan: KeyedPlan, changes: ReadonlyMap<string, MeasuredChanges>): TimeBounds {
  for (let key = 0; key < plan.grain.length; key++) {
    const values = touchedTimes(plan, { key, changes });
    if (values !== undefined) return new KeyTimeBounds(plan, key, values);
  }
  return UNBOUNDED;
}

function touchedTimes(
  plan: KeyedPlan,
  { key, changes }: { key: number; changes: ReadonlyMap<string, MeasuredChanges> },
): ReadonlySet<string | null> | undefined {
  const values = new Set<string | null>();
  for (const parent of plan.parents) {
    const changed = changes.get(parent.deltaId);
    if (changed === undefined) continue;
    const times = parent.timeKeys[key] === undefined ? undefined : changed.times.get(parent.keys[key] ?? '');
    if (times === undefined) return undefined;
    for (const value of times) values.add(value);
  }
  return values;
}

class KeyTimeBounds implements TimeBounds {
  readonly #key: number;
  readonly #values: readonly string[];
  readonly #hasNull: boolean;
  readonly #column: string;
  readonly #columnType: string;

  constructor(plan: KeyedPlan, key: number, values: ReadonlySet<string | null>) {
    this.#key = key;
    this.#values = [...values].filter((value) => value !== null).toSorted();
    this.#hasNull = values.has(null);
    this.#column = plan.grain[key] ?? '';
    const column = plan.columns.find(({ name }) => name.toLowerCase() === this.#column.toLowerCase());
    this.#columnType = column?.type ?? '';
  }

  parentRanges(parent: KeyedParent): readonly string[] | undefined {
    const timeKey = parent.timeKeys[this.#key];
    if (timeKey === undefined) return undefined;
    const ranges: TimeRange[] = [];
    for (const value of this.#values) {
      const range = timeRangeOf(value, timeKey.unit);
      if (range === undefined) return undefined;
      ranges.push(range);
    }
    const conditions = coverRanges(ranges, RANGES_MAX).map((range) => rangeCondition(timeKey, range));
    if (this.#hasNull) conditions.push(`${quoteName(timeKey.column)} is null`);
    return conditions;
  }

  own(table: string): string {
    const isTime = this.#columnType === 'DATE' || this.#columnType === 'TIMESTAMP';
    const isPlain = this.#values.every((value) => timeRangeOf(value, 'point') !== undefined);
    if (!isTime || !isPlain) return 'true';
    const column = `${table}.${quoteName(this.#column)}`;
    const literals = this.#values.map((value) => `${this.#columnType.toLowerCase()} '${value}'`);
    const conditions = this.#hasNull ? [`${column} is null`] : [];
    if (literals.length > VALUES_MAX)
      conditions.push(`${column} between ${literals[0]} and ${literals.at(-1)}`);
    else if (literals.length > 0) conditions.push(`${column} in (${literals.join(', ')})`);
    return conditions.length === 0 ? 'false' : conditions.join(' or ');
  }
}
