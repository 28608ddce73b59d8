import type { SqlSession } from '../warehouse/index.ts';
import type { KeyedPlan } from './plan.ts';
import { timeMsOf } from './time-key.ts';

/** Times in milliseconds that changed rows touch; null for rows without one. */
export type TouchedTimes = readonly (number | null)[];

/** What changed in a relation, as its readers are told. */
export interface RelationChanges {
  /** Rows that left and rows that came: tables or queries in parentheses. */
  readonly removed: string | undefined;
  readonly added: string | undefined;
  /**
   * Only the keys of the changed rows are given, in `added`: columns of the relation's grain, nothing else.
   */
  readonly isKeysOnly: boolean;
  /** By expression over the relation's columns, as readers write them in `keys_from`. */
  readonly times: ReadonlyMap<string, TouchedTimes>;
  /** By column of the relation's grain, lower case: what its own keys touch. */
  readonly keyTimes: ReadonlyMap<string, TouchedTimes>;
}

/** Collects the times that rows touch, in one query. Undefined when there are no rows. */
export async function touchedTimes(
  session: SqlSession,
  rows: string,
  expressions: readonly string[],
): Promise<ReadonlyMap<string, TouchedTimes> | undefined> {
  const count = `select -1, cast(count(*) as varchar) from ${rows}`;
  const parts = expressions.map(
    (sql, index) => `select ${index}, cast(v as varchar) from (select distinct (${sql}) as v from ${rows})`,
  );
  const found = await session.rows([count, ...parts].join(' union all '));
  if (found.some(([index, value]) => index === -1 && value === '0')) return undefined;
  const times = new Map<string, (number | null)[]>();
  for (const [index, sql] of expressions.entries()) {
    const values = found.filter(([kind]) => kind === index).map(([, value]) => value);
    const ms = values.map((value) => (value === null ? null : timeMsOf(String(value))));
    // Infinity and times before the year 1000 have no range: such rows are looked for everywhere.
    if (!ms.includes(undefined)) times.set(sql, ms as (number | null)[]);
  }
  return times;
}

/** The time expressions over a relation by which its readers can be narrowed. */
export function timeExpressions(readers: readonly KeyedPlan[], deltaId: string): string[] {
  const expressions = new Set<string>();
  for (const { parents } of readers) {
    for (const parent of parents) {
      if (parent.deltaId !== deltaId) continue;
      parent.keys.forEach((sql, key) => {
        if (parent.timeKeys[key] !== undefined) expressions.add(sql);
      });
    }
  }
  return [...expressions];
}
