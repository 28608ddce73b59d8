import type { RawChange, SqlSession } from '../warehouse/index.ts';
import type { Source } from './manifest.ts';
import { deltaId, type KeyedPlan } from './plan.ts';
import { columnList, createScratch } from './refresh-sql.ts';
import { timeExpressions, touchedTimes, type RelationChanges } from './row-changes.ts';
import { quoteName, relationSql } from './sql-text.ts';

/**
 * Up to when models were complete at the last refresh, and up to when they are now: texts as the engine
 * writes them.
 */
export interface AsOfStep {
  readonly since: string | undefined;
  readonly until: string | undefined;
}

/** What a source's readers must know of each load: rows that arrived, or rows that became due. */
export class SourceChanges {
  readonly deltaId: string;
  readonly source: Source;
  readonly #isHeldBack: boolean;
  readonly #columns: string;
  readonly #expressions: readonly string[];
  /** One reader that adds what it is given: the rows need not be kept or counted for it. */
  readonly #isPassedOn: boolean;

  constructor(
    source: Source,
    { isHeldBack, readers }: { isHeldBack: boolean; readers: readonly KeyedPlan[] },
  ) {
    this.source = source;
    this.#isHeldBack = isHeldBack;
    this.deltaId = deltaId(source.id, isHeldBack);
    const parent = readers.flatMap(({ parents }) => parents).find((each) => each.deltaId === this.deltaId);
    // The loader's tables may have gained columns since the models were planned.
    this.#columns = columnList((parent?.columns ?? []).map(({ name }) => name));
    this.#expressions = timeExpressions(readers, this.deltaId);
    this.#isPassedOn = readers.length === 1 && readers[0]?.strategy === 'append';
  }

  /** Undefined when nothing arrived or became due. */
  async read(
    session: SqlSession,
    changes: readonly RawChange[],
    step: AsOfStep,
  ): Promise<RelationChanges | undefined> {
    const query = this.#query(changes, step);
    if (query === undefined) return undefined;
    if (this.#isPassedOn) return rowsOf(`(${query})`, new Map());
    const table = `temp.main.${quoteName(`millrace_arrived_${this.source.id}${this.#isHeldBack ? '_due' : ''}`)}`;
    await session.run(createScratch(table, query));
    const times = await touchedTimes(session, table, this.#expressions);
    return times === undefined ? undefined : rowsOf(table, times);
  }

  #query(changes: readonly RawChange[], { since, until }: AsOfStep): string | undefined {
    const arrived = changes.find(({ table }) => table === this.source.relation.name);
    const newRows = arrived === undefined ? undefined : `select ${this.#columns} from ${arrived.newRows}`;
    if (!this.#isHeldBack) return newRows;
    if (until === undefined) return undefined;
    const time = quoteName(this.source.live.eventTime ?? '');
    const table = relationSql(this.source.relation);
    const due = `select ${this.#columns} from ${table} where ${time} <= timestamp '${until}'`;
    if (since === undefined) return due;
    // Later than the last time: rows that waited and rows that are new. Not later: late rows, which only are
    // new.
    const parts = since < until ? [`${due} and ${time} > timestamp '${since}'`] : [];
    if (newRows !== undefined) parts.push(`${newRows} where ${time} <= timestamp '${since}'`);
    return parts.length === 0 ? undefined : parts.join(' union all ');
  }
}

function rowsOf(added: string, times: RelationChanges['times']): RelationChanges {
  return { removed: undefined, added, isKeysOnly: false, times, keyTimes: new Map() };
}
