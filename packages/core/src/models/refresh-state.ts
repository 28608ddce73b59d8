import type { RawChange, SqlSession, SqlValue } from '../warehouse/index.ts';
import type { Manifest, Source } from './manifest.ts';
import type { AsOfStep } from './source-changes.ts';
import { quoteName, quoteText, relationSql } from './sql-text.ts';

/**
 * How far the models have come, in the database, so that it commits and rolls back with the rows:
 * `meta.live_state` (`as_of` of the last refresh) and `meta.live_sources` (the last row of each source that
 * models have seen).
 */
export class RefreshState {
  readonly #state: string;
  readonly #sources: string;
  readonly #asOf: string | undefined;
  readonly #ordered: readonly Source[];

  constructor(manifest: Manifest, catalog: string) {
    this.#state = `${quoteName(catalog)}.meta.live_state`;
    this.#sources = `${quoteName(catalog)}.meta.live_sources`;
    const asOf = manifest.sources.find(({ live }) => live.asOf);
    this.#asOf = asOf === undefined ? undefined : relationSql(asOf.relation);
    this.#ordered = manifest.sources.filter(({ live }) => live.appendOnly && live.order !== undefined);
  }

  async create(session: SqlSession): Promise<void> {
    await session.run(`create table if not exists ${this.#state} (as_of timestamp);
      create table if not exists ${this.#sources} (source varchar not null, last_row bigint, audited_row bigint)`);
  }

  /**
   * Sources that have rows, or times that came, of which models know nothing: somebody loaded without
   * refreshing.
   */
  async unseen(session: SqlSession, sources: readonly Source[]): Promise<Set<Source>> {
    const { since, until } = await this.step(session);
    const known = new Map(
      (await session.rows(`select source, last_row from ${this.#sources}`)).map(lastRowOf),
    );
    const unseen = new Set<Source>(
      since === until ? [] : sources.filter(({ live }) => live.eventTime !== undefined),
    );
    for (const source of this.#ordered) {
      if (!sources.includes(source)) continue;
      const [row] = await session.rows(
        `select max(${quoteName(source.live.order ?? '')}) from ${relationSql(source.relation)}`,
      );
      if (numberOf(row?.[0]) !== known.get(source.id)) unseen.add(source);
    }
    return unseen;
  }

  /** Says that all models were built from what is there now. */
  async reset(session: SqlSession): Promise<void> {
    const asOf = this.#asOf === undefined ? 'null' : `(select max(as_of) from ${this.#asOf})`;
    const statements = [`delete from ${this.#state}`, `insert into ${this.#state} values (${asOf})`];
    for (const { id, relation, live } of this.#ordered) {
      const last = `(select max(${quoteName(live.order ?? '')}) from ${relationSql(relation)})`;
      const [known] = await session.rows(`select 1 from ${this.#sources} where source = ${quoteText(id)}`);
      statements.push(
        known === undefined
          ? `insert into ${this.#sources} values (${quoteText(id)}, ${last}, null)`
          : `update ${this.#sources} set last_row = ${last} where source = ${quoteText(id)}`,
      );
    }
    await session.run(statements.join(';\n'));
  }

  /**
   * From where to where this refresh brings the models. `as_of` never goes back: an earlier one is put right.
   */
  async step(session: SqlSession): Promise<AsOfStep> {
    if (this.#asOf === undefined) return { since: undefined, until: undefined };
    const [row] = await session.rows(`select cast((select max(as_of) from ${this.#state}) as varchar),
      cast((select max(as_of) from ${this.#asOf}) as varchar)`);
    const since = textOf(row?.[0]);
    const until = textOf(row?.[1]);
    if (since === undefined || (until !== undefined && until >= since)) return { since, until };
    await session.run(`update ${this.#asOf} set as_of = timestamp '${since}'`);
    return { since, until: since };
  }

  /** Remembers the step, in the same transaction. */
  async advance(
    session: SqlSession,
    { since, until }: AsOfStep,
    changes: readonly RawChange[],
  ): Promise<void> {
    const statements: string[] = [];
    if (until !== undefined && until !== since)
      statements.push(`update ${this.#state} set as_of = timestamp '${until}'`);
    for (const { table, newRows } of changes) {
      const source = this.#ordered.find(({ relation }) => relation.name === table);
      if (source === undefined) continue;
      const order = quoteName(source.live.order ?? '');
      statements.push(`update ${this.#sources} set last_row = n.last
        from (select max(${order}) as last from ${newRows}) as n
        where source = ${quoteText(source.id)} and n.last is not null`);
    }
    if (statements.length > 0) await session.run(statements.join(';\n'));
  }

  /** What was compared for repeated ids, and what there is. */
  async auditRange(
    session: SqlSession,
    source: Source,
  ): Promise<Readonly<Record<'first' | 'audited' | 'last', number | undefined>>> {
    const order = quoteName(source.live.order ?? '');
    const [row] = await session.rows(`select min(${order}), max(${order}),
      (select max(audited_row) from ${this.#sources} where source = ${quoteText(source.id)})
      from ${relationSql(source.relation)}`);
    return { first: numberOf(row?.[0]), last: numberOf(row?.[1]), audited: numberOf(row?.[2]) };
  }

  async noteAudited(session: SqlSession, source: Source, upTo: number): Promise<void> {
    await session.run(
      `update ${this.#sources} set audited_row = ${upTo} where source = ${quoteText(source.id)}`,
    );
  }

  /** Begins from the first row again: a model was built from them. */
  async restartAudit(session: SqlSession, sources: readonly Source[]): Promise<void> {
    if (sources.length === 0) return;
    const ids = sources.map(({ id }) => quoteText(id)).join(', ');
    await session.run(`update ${this.#sources} set audited_row = null where source in (${ids})`);
  }
}

function lastRowOf(row: SqlValue[]): [string, number | undefined] {
  return [String(row[0]), numberOf(row[1])];
}

function numberOf(value: SqlValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function textOf(value: SqlValue | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}
