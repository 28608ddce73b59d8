import { assert } from '../base/index.ts';
import type { SqlSession } from '../warehouse/index.ts';
import type { KeyedPlan } from './plan.ts';
import {
  boundQuery,
  changedKeys,
  columnList,
  columnNames,
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
  writeToPlaces,
  type Scratch,
  type Write,
} from './refresh-sql.ts';
import { timeExpressions, touchedTimes, type RelationChanges } from './row-changes.ts';
import type { RowDensity } from './row-density.ts';
import { quoteName } from './sql-text.ts';
import { boundsOf, UNBOUNDED, type TimeBounds } from './time-bounds.ts';

/** Changes of relations, by `deltaId`. */
export type ChangesById = ReadonlyMap<string, RelationChanges>;

export interface ModelRefreshOptions {
  /** Live models that read the model. */
  readonly readers: readonly KeyedPlan[];
  /** No two rows of its table have the same key. */
  readonly isUnique: boolean;
  readonly density: RowDensity;
}

/** What a refresh did. */
export interface RefreshedModel {
  /** False when there was nothing to do after all. */
  readonly isChanged: boolean;
  /** For its readers; undefined when it has none or nothing changed. */
  readonly changes: RelationChanges | undefined;
}

/** How rows of changed keys are replaced. */
type Replacement = typeof replaceByMerge;

const UNCHANGED: RefreshedModel = { isChanged: false, changes: undefined };

/** Brings one live model up to date inside the load's transaction. */
export class ModelRefresh {
  readonly plan: KeyedPlan;
  readonly #density: RowDensity;
  readonly #scratch: Scratch;
  readonly #readerTimes: readonly string[];
  /** Rows before and after are kept only for readers that look at them; keys alone cost less. */
  readonly #readersNeed: 'nothing' | 'keys' | 'rows';
  /** No two rows of the table have the same key: proven by the SQL, or counted. */
  #isUnique: boolean;

  constructor(plan: KeyedPlan, { readers, isUnique, density }: ModelRefreshOptions) {
    this.plan = plan;
    this.#density = density;
    this.#scratch = scratchOf(plan);
    this.#readerTimes = timeExpressions(readers, plan.model.id);
    this.#isUnique = plan.isUnique || isUnique;
    const needRows = readers.some((reader) => !readsKeysOnly(reader, plan));
    this.#readersNeed = needRows ? 'rows' : readers.length > 0 ? 'keys' : 'nothing';
  }

  /** The table was built anew: says whether no two of its rows have the same key. */
  noteBuilt(isUnique: boolean): void {
    this.#isUnique = this.plan.isUnique || isUnique;
  }

  async refresh(session: SqlSession, changes: ChangesById): Promise<RefreshedModel> {
    const { strategy, merge, parents } = this.plan;
    const changed = changes.get(parents[0]?.deltaId ?? '');
    if (strategy === 'append' && changed?.removed === undefined) return this.#append(session, changed);
    if (strategy === 'merge' && merge !== undefined && changed !== undefined) {
      const isPossible = changed.removed === undefined || merge.subtractableBy !== undefined;
      if (isPossible) return this.#merge(session, changes);
    }
    await session.run(createScratch(this.#scratch.keys, changedKeys(this.plan, changes)));
    return this.#recompute(session, boundsOf(this.plan, changes), undefined);
  }

  /** Computes rows of given keys again, from all of history. `keys` is a query with a column for each key. */
  async repair(session: SqlSession, keys: string): Promise<RefreshedModel> {
    const columns = this.plan.grain.map((_, index) => keyName(index)).join(', ');
    await session.run(createScratch(this.#scratch.keys, `select * from (${keys}) as k(${columns})`));
    // The table may hold a key more than once: that is what is wrong with it.
    const repaired = await this.#recompute(session, UNBOUNDED, replaceByDelete);
    const { changes } = repaired;
    if (changes?.removed === undefined) return repaired;
    // Nothing says which times the keys touch but their rows.
    const rows = `(from ${changes.removed} union all from ${changes.added})`;
    const times = await touchedTimes(session, rows, this.#readerTimes);
    return { isChanged: true, changes: { ...changes, times: times ?? new Map() } };
  }

  async #append(session: SqlSession, changed: RelationChanges | undefined): Promise<RefreshedModel> {
    const { after } = this.#scratch;
    const added = changed?.added;
    if (added === undefined) return UNCHANGED;
    const query = boundQuery(this.plan, () => `select * from ${added}`);
    if (this.#readersNeed === 'nothing') {
      await session.run(insertRows(this.plan, `(${query})`));
      return { isChanged: true, changes: undefined };
    }
    await session.run(createScratch(after, query));
    const times = await touchedTimes(session, after, this.#readerTimes);
    if (times === undefined) return UNCHANGED;
    await session.run(insertRows(this.plan, after));
    const changes = { removed: undefined, added: after, isKeysOnly: false, times, keyTimes: new Map() };
    return { isChanged: true, changes };
  }

  async #merge(session: SqlSession, changes: ChangesById): Promise<RefreshedModel> {
    const { merge, parents, grain } = this.plan;
    const changed = changes.get(parents[0]?.deltaId ?? '');
    assert(merge !== undefined && changed !== undefined, 'a merge has columns and changes');
    const bounds = boundsOf(this.plan, changes);
    const own = (table: string) => bounds.own(table);
    const query = partialQuery(this.plan, merge, changed);
    const { partial, before, after } = this.#scratch;
    if (this.#readersNeed !== 'rows') {
      const isKept = this.#readersNeed === 'keys';
      const source = isKept ? `select * from ${partial}` : query;
      const statements = isKept ? [createScratch(partial, query)] : [];
      await session.run(
        [...statements, mergePartial(this.plan, merge, { partial: source, own })].join(';\n'),
      );
      const keys = `(select ${columnList(grain)} from ${partial})`;
      return { isChanged: true, changes: isKept ? keysOnly(keys, bounds) : undefined };
    }
    const write: Write = { keys: partial, keyColumns: grain, rows: after, own };
    const isGrowing = changed.removed === undefined;
    await session.run(
      [
        createScratch(partial, query),
        createScratch(before, ownRows(this.plan, write)),
        createScratch(after, mergedRows(this.plan, merge, this.#scratch)),
        // Rows that were found need not be looked for again; a key that is gone has no row to say where it
        // was.
        isGrowing ? writeToPlaces(this.plan, after) : replaceByMerge(this.plan, write),
      ].join(';\n'),
    );
    return { isChanged: true, changes: this.#replaced(bounds) };
  }

  async #recompute(
    session: SqlSession,
    bounds: TimeBounds,
    write: Replacement | undefined,
  ): Promise<RefreshedModel> {
    const { keys, before, after } = this.#scratch;
    const { grain } = this.plan;
    const keyColumns = grain.map((_, index) => keyName(index));
    const what: Write = { keys, keyColumns, rows: after, own: (table) => bounds.own(table) };
    const query = boundQuery(this.plan, (parent) => {
      const ranges = bounds.parentRanges(parent, this.#density);
      return parentRows(parent, { keys, ranges });
    });
    const statements = [createScratch(after, query)];
    if (this.#readersNeed === 'rows') statements.push(createScratch(before, ownRows(this.plan, what)));
    await session.run(statements.join(';\n'));
    const replace = write ?? ((await this.#mayMerge(session)) ? replaceByMerge : replaceByDelete);
    await session.run(replace(this.plan, what));
    if (this.#readersNeed === 'rows') return { isChanged: true, changes: this.#replaced(bounds) };
    const named = grain.map((column, index) => `${keyName(index)} as ${quoteName(column)}`).join(', ');
    const isKept = this.#readersNeed === 'keys';
    return {
      isChanged: true,
      changes: isKept ? keysOnly(`(select ${named} from ${keys})`, bounds) : undefined,
    };
  }

  #replaced({ keyTimes }: TimeBounds): RelationChanges {
    const names = columnList(columnNames(this.plan));
    const [removed, added] = [this.#scratch.before, this.#scratch.after].map(
      (table) => `(select ${names} from ${table})`,
    );
    return { removed, added, isKeysOnly: false, times: new Map(), keyTimes };
  }

  /** A merge would lose rows of keys that have several; such a grain is found before it does. */
  async #mayMerge(session: SqlSession): Promise<boolean> {
    const { plan } = this;
    if (plan.columns.length === plan.grain.length) return false;
    if (plan.isUnique || !this.#isUnique) return this.#isUnique;
    const repeated = `select 1 from ${this.#scratch.after} group by ${columnList(plan.grain)} having count(*) > 1 limit 1`;
    this.#isUnique = (await session.rows(repeated)).length === 0;
    return this.#isUnique;
  }
}

/** A reader that computes its changed keys again needs no more than keys, when its own follow from them. */
function readsKeysOnly(reader: KeyedPlan, plan: KeyedPlan): boolean {
  const grain = new Set(plan.grain.map((column) => column.toLowerCase()));
  const parents = reader.parents.filter(({ deltaId }) => deltaId === plan.model.id);
  return (
    reader.strategy === 'keys' &&
    parents.every(({ keyColumns }) => keyColumns.every((name) => grain.has(name)))
  );
}

function keysOnly(keys: string, { keyTimes }: TimeBounds): RelationChanges {
  return { removed: undefined, added: keys, isKeysOnly: true, times: new Map(), keyTimes };
}
