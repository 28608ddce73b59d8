/**
 * The statements of a refresh as text. Temporary tables are made anew each time: rows deleted from one are
 * never freed.
 */
import type { KeyedParent, KeyedPlan } from './plan.ts';
import type { MergeColumns, MergeKind } from './merge-columns.ts';
import type { RelationChanges } from './row-changes.ts';
import { quoteName, relationSql } from './sql-text.ts';

/** Temporary tables of one model. */
export interface Scratch {
  /** Changed keys: columns `__key_0`, … */
  readonly keys: string;
  /** The model's rows of those keys before and after. */
  readonly before: string;
  readonly after: string;
  /** What the changed rows alone give, to be merged. */
  readonly partial: string;
}

export function scratchOf(plan: KeyedPlan): Scratch {
  const { schema, name } = plan.model.relation;
  const table = (role: string) => `temp.main.${quoteName(`millrace_${role}_${schema}_${name}`)}`;
  return { keys: table('keys'), before: table('before'), after: table('after'), partial: table('partial') };
}

export function keyName(index: number): string {
  return `__key_${index}`;
}

/** A list of columns, each from the table when one is given. */
export function columnList(names: readonly string[], table?: string): string {
  return names
    .map((name) => (table === undefined ? quoteName(name) : `${table}.${quoteName(name)}`))
    .join(', ');
}

export function columnNames(plan: KeyedPlan): string[] {
  return plan.columns.map(({ name }) => name);
}

export function createScratch(table: string, query: string): string {
  return `create or replace temp table ${table.slice('temp.main.'.length)} as ${query}`;
}

/** The distinct keys of all changed parent rows. */
export function changedKeys(plan: KeyedPlan, changes: ReadonlyMap<string, RelationChanges>): string {
  const parts: string[] = [];
  for (const parent of plan.parents) {
    const changed = changes.get(parent.deltaId);
    const keys = parent.keys.map((sql, index) => `(${sql}) as ${keyName(index)}`).join(', ');
    for (const rows of [changed?.removed, changed?.added])
      if (rows !== undefined) parts.push(`select ${keys} from ${rows}`);
  }
  return `select distinct * from (${parts.join(' union all ')})`;
}

/** `on` condition between the model's own columns in `table` and the keys in `keys`. */
export function sameKey(grain: readonly string[], table: string, keys: readonly string[]): string {
  return grain
    .map((column, i) => `${table}.${quoteName(column)} is not distinct from ${keys[i]}`)
    .join(' and ');
}

/**
 * The parent's rows of the changed keys. `ranges` are conditions that exclude each other; none reads all
 * rows.
 */
export function parentRows(
  parent: KeyedParent,
  { keys, ranges }: { keys: string; ranges: readonly string[] | undefined },
): string {
  const table = relationSql(parent.relation);
  const parts = ranges?.map((range) => `select * from ${table} where ${range}`) ?? [`select * from ${table}`];
  const on = parent.keys
    .map((sql, index) => `(${sql}) is not distinct from k.${keyName(index)}`)
    .join(' and ');
  return `select p.* from (${parts.join(' union all ')}) as p semi join ${keys} as k on ${on}`;
}

/** The model's SQL over other rows in the place of each parent. */
export function boundQuery(plan: KeyedPlan, inputOf: (parent: KeyedParent) => string): string {
  const inputs = plan.parents.map((parent) => `${quoteName(parent.input)} as (${inputOf(parent)})`);
  return `with ${inputs.join(', ')} select * from (${plan.boundSql})`;
}

/**
 * A condition that holds for all of the model's rows that are looked for, on the columns of a table alias.
 */
export type OwnCondition = (table: string) => string;

/** A row's place in its table, valid within the transaction. */
const PLACE = '__place';

/** The model's own rows of the keys, with their places. */
export function ownRows(
  plan: KeyedPlan,
  { keys, keyColumns, own }: { keys: string; keyColumns: readonly string[]; own: OwnCondition },
): string {
  const on = sameKey(
    plan.grain,
    'p',
    keyColumns.map((name) => `k.${quoteName(name)}`),
  );
  const table = `(select *, rowid as ${PLACE} from ${relationSql(plan.model.relation)} as o where ${own('o')})`;
  return `select p.* from ${table} as p semi join ${keys} as k on ${on}`;
}

export interface Write {
  /** Table of changed keys and the names of its columns. */
  readonly keys: string;
  readonly keyColumns: readonly string[];
  /** Table with the model's rows of those keys, as they shall be. */
  readonly rows: string;
  readonly own: OwnCondition;
}

/** Replaces the rows of the keys, one row a key: updated in place, which leaves no dead rows behind. */
export function replaceByMerge(plan: KeyedPlan, { keys, keyColumns, rows, own }: Write): string {
  const names = columnNames(plan);
  const values = names.filter((name) => !plan.grain.includes(name));
  const quotedKeys = keyColumns.map((name) => `k.${quoteName(name)}`);
  const aliased = keyColumns.map((name, index) => `k.${quoteName(name)} as ${keyName(index)}`).join(', ');
  const source = `select ${aliased}, n.* from ${keys} as k
    left join (select *, true as __is_there from ${rows}) as n on ${sameKey(plan.grain, 'n', quotedKeys)}`;
  const target = sameKey(
    plan.grain,
    'p',
    keyColumns.map((_, index) => `s.${keyName(index)}`),
  );
  return `merge into ${relationSql(plan.model.relation)} as p using (${source}) as s on ${target} and (${own('p')})
    when matched and s.__is_there then update set ${values.map((name) => assign(name)).join(', ')}
    when matched then delete
    when not matched and s.__is_there then insert (${columnList(names)}) values (${columnList(names, 's')})`;
}

function assign(name: string): string {
  return `${quoteName(name)} = s.${quoteName(name)}`;
}

/** Writes rows over those at their places, and adds those that have none. */
export function writeToPlaces(plan: KeyedPlan, rows: string): string {
  const names = columnNames(plan);
  const values = names.filter((name) => !plan.grain.includes(name));
  return `merge into ${relationSql(plan.model.relation)} as p using ${rows} as s on p.rowid = s.${PLACE}
    when matched then update set ${values.map((name) => assign(name)).join(', ')}
    when not matched then insert (${columnList(names)}) values (${columnList(names, 's')})`;
}

/** Replaces the rows of the keys, however many a key has. */
export function replaceByDelete(plan: KeyedPlan, { keys, keyColumns, rows, own }: Write): string {
  const table = relationSql(plan.model.relation);
  const on = sameKey(
    plan.grain,
    'p',
    keyColumns.map((name) => `k.${quoteName(name)}`),
  );
  return `delete from ${table} as p using ${keys} as k where ${on} and (${own('p')}); ${insertRows(plan, rows)}`;
}

export function insertRows(plan: KeyedPlan, rows: string): string {
  const names = columnList(columnNames(plan));
  return `insert into ${relationSql(plan.model.relation)} (${names}) select ${names} from ${rows}`;
}

/** What the changed rows alone give: that of the added rows, less that of the removed ones. */
export function partialQuery(plan: KeyedPlan, merge: MergeColumns, changes: RelationChanges): string {
  const over = (rows: string) => boundQuery(plan, () => `select * from ${rows}`);
  if (changes.removed === undefined) return over(changes.added ?? '');
  const keys = merge.columns.filter(({ kind }) => kind === 'key').map(({ name }) => quoteName(name));
  const sums = merge.columns.filter(({ kind }) => kind !== 'key').map(({ name }) => quoteName(name));
  const minus = `select ${[...keys, ...sums.map((sum) => `-${sum} as ${sum}`)].join(', ')} from (${over(changes.removed)})`;
  const plus =
    changes.added === undefined
      ? ''
      : `select ${[...keys, ...sums].join(', ')} from (${over(changes.added)}) union all `;
  return `select ${[...keys, ...sums.map((sum) => `sum(${sum}) as ${sum}`)].join(', ')} from (${plus}${minus})
    group by ${keys.join(', ')} having ${sums.map((sum) => `sum(${sum}) <> 0`).join(' or ')}`;
}

const MERGED: Readonly<Record<MergeKind, (p: string, s: string) => string>> = {
  key: (_, s) => s,
  sum: (p, s) => `coalesce(${p} + ${s}, ${s})`,
  sumOrNull: (p, s) => `coalesce(${p} + ${s}, ${p}, ${s})`,
  // Both leave nulls out.
  min: (p, s) => `least(${p}, ${s})`,
  max: (p, s) => `greatest(${p}, ${s})`,
};

/** Merges a partial result straight into the model. */
export function mergePartial(
  plan: KeyedPlan,
  merge: MergeColumns,
  { partial, own }: { partial: string; own: OwnCondition },
): string {
  const target = sameKey(
    plan.grain,
    'p',
    plan.grain.map((name) => `s.${quoteName(name)}`),
  );
  const set = merge.columns
    .filter(({ kind }) => kind !== 'key')
    .map(
      ({ name, kind }) =>
        `${quoteName(name)} = ${MERGED[kind](`p.${quoteName(name)}`, `s.${quoteName(name)}`)}`,
    );
  const count = merge.subtractableBy === undefined ? undefined : quoteName(merge.subtractableBy);
  const names = merge.columns.map(({ name }) => name);
  return `merge into ${relationSql(plan.model.relation)} as p using (${partial}) as s on ${target} and (${own('p')})
    ${count === undefined ? '' : `when matched and p.${count} + s.${count} = 0 then delete`}
    when matched then update set ${set.join(', ')}
    when not matched ${count === undefined ? '' : `and s.${count} > 0 `}then insert (${columnList(names)})
      values (${columnList(names, 's')})`;
}

/** The rows that a merge leaves, from the partial result and the rows before. */
export function mergedRows(plan: KeyedPlan, merge: MergeColumns, { partial, before }: Scratch): string {
  const types = new Map(plan.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const columns = merge.columns.map(({ name, kind }) => {
    const merged = MERGED[kind](`p.${quoteName(name)}`, `s.${quoteName(name)}`);
    return `cast(${merged} as ${types.get(name.toLowerCase())}) as ${quoteName(name)}`;
  });
  const count = merge.subtractableBy === undefined ? undefined : quoteName(merge.subtractableBy);
  const on = sameKey(
    plan.grain,
    'p',
    plan.grain.map((name) => `s.${quoteName(name)}`),
  );
  return `select ${columns.join(', ')}, p.${PLACE} from ${partial} as s left join ${before} as p on ${on}
    ${count === undefined ? '' : `where coalesce(p.${count}, 0) + s.${count} > 0`}`;
}
