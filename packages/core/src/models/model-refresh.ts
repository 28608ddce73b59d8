import { assert } from '../base/index.ts';
import type { SqlSession } from '../warehouse/index.ts';
import type { KeyedPlan } from './plan.ts';
import {
  boundQuery,
  changedKeys,
  createScratch,
  insertRows,
  keyName,
  mergedRows,
  mergePartial,
  ownRows,
  parentRows,
  partialQuery,
  replaceByDelete,
  replaceByMerge,
  scratchOf,
  type RowChanges,
  type Scratch,
  type Write,
} from './refresh-sql.ts';
import { quoteName } from './sql-text.ts';
import { boundsOf, UNBOUNDED, type MeasuredChanges, type TimeBounds } from './time-values.ts';

/** Changed rows of relations, by `deltaId`. */
export type ChangesById = ReadonlyMap<string, MeasuredChanges>;

/** Brings one live model up to date inside the load's transaction. */
export class ModelRefresh {
  readonly plan: KeyedPlan;
  /** True when other live models read it: then its rows before and after are kept for them. */
  readonly #hasReaders: boolean;
  readonly #scratch: Scratch;
  /** No two rows of the table have the same key: proven by the SQL, or counted. */
  #isUnique: boolean;

  constructor(plan: KeyedPlan, options: { hasReaders: boolean; isUnique: boolean }) {
    this.plan = plan;
    this.#hasReaders = options.hasReaders;
    this.#isUnique = plan.isUnique || options.isUnique;
    this.#scratch = scratchOf(plan);
  }

  /** The table was built anew: says whether no two of its rows have the same key. */
  noteBuilt(isUnique: boolean): void {
    this.#isUnique = this.plan.isUnique || isUnique;
  }

  /** The changes of the model's rows; undefined when nobody reads them. */
  async refresh(session: SqlSession, changes: ChangesById): Promise<RowChanges | undefined> {
    const { strategy, merge, parents } = this.plan;
    const [parent] = parents;
    assert(parent !== undefined, 'a live model has a parent that changes');
    const changed = changes.get(parent.deltaId);
    if (changed?.removed === undefined && strategy === 'append') return this.#append(session, changed);
    if (strategy === 'merge' && merge !== undefined && changed !== undefined) {
      const isPossible = changed.removed === undefined || merge.subtractableBy !== undefined;
      if (isPossible) return this.#merge(session, changes);
    }
    await session.run(createScratch(this.#scratch.keys, changedKeys(this.plan, changes)));
    return this.#recompute(session, boundsOf(this.plan, changes));
  }

  /** Computes rows of given keys again, from all of history. `keys` is a query with a column for each key. */
  async repair(session: SqlSession, keys: string): Promise<RowChanges | undefined> {
    const columns = this.plan.grain.map((_, index) => keyName(index)).join(', ');
    await session.run(createScratch(this.#scratch.keys, `select * from (${keys}) as k(${columns})`));
    return this.#recompute(session, UNBOUNDED);
  }

  async #append(session: SqlSession, changed: MeasuredChanges | undefined): Promise<RowChanges | undefined> {
    const { after } = this.#scratch;
    const added = changed?.added;
    if (added === undefined) return undefined;
    const query = boundQuery(this.plan, () => `select * from ${added}`);
    if (!this.#hasReaders) {
      await session.run(insertRows(this.plan, `(${query})`));
      return undefined;
    }
    await session.run(`${createScratch(after, query)}; ${insertRows(this.plan, after)}`);
    return { removed: undefined, added: after };
  }

  async #merge(session: SqlSession, changes: ChangesById): Promise<RowChanges | undefined> {
    const { merge, parents, grain } = this.plan;
    const changed = changes.get(parents[0]?.deltaId ?? '');
    assert(merge !== undefined && changed !== undefined, 'a merge has columns and changes');
    const bounds = boundsOf(this.plan, changes);
    const own = (table: string) => bounds.own(table);
    const query = partialQuery(this.plan, merge, changed);
    if (!this.#hasReaders) {
      await session.run(mergePartial(this.plan, merge, { partial: query, own }));
      return undefined;
    }
    const { partial, before, after } = this.#scratch;
    const write: Write = { keys: partial, keyColumns: grain, rows: after, own };
    await session.run(
      [
        createScratch(partial, query),
        createScratch(before, ownRows(this.plan, write)),
        createScratch(after, mergedRows(this.plan, merge, this.#scratch)),
        replaceByMerge(this.plan, write),
      ].join(';\n'),
    );
    return { removed: before, added: after };
  }

  async #recompute(session: SqlSession, bounds: TimeBounds): Promise<RowChanges | undefined> {
    const { keys, before, after } = this.#scratch;
    const keyColumns = this.plan.grain.map((_, index) => keyName(index));
    const write: Write = { keys, keyColumns, rows: after, own: (table) => bounds.own(table) };
    const query = boundQuery(this.plan, (parent) =>
      parentRows(parent, { keys, ranges: bounds.parentRanges(parent) }),
    );
    const statements = [createScratch(after, query)];
    if (this.#hasReaders) statements.push(createScratch(before, ownRows(this.plan, write)));
    await session.run(statements.join(';\n'));
    await session.run(
      (await this.#mayMerge(session)) ? replaceByMerge(this.plan, write) : replaceByDelete(this.plan, write),
    );
    return this.#hasReaders ? { removed: before, added: after } : undefined;
  }

  /** A merge would lose rows of keys that have several; such a grain is found before it does. */
  async #mayMerge(session: SqlSession): Promise<boolean> {
    const { plan } = this;
    if (plan.columns.length === plan.grain.length) return false;
    if (plan.isUnique || !this.#isUnique) return this.#isUnique;
    const grain = plan.grain.map(quoteName).join(', ');
    const repeated = `select 1 from ${this.#scratch.after} group by ${grain} having count(*) > 1 limit 1`;
    this.#isUnique = (await session.rows(repeated)).length === 0;
    return this.#isUnique;
  }
}
