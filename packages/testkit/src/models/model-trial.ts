import type { Clock, Logger } from '@millrace/core/base';
import type { TableSchema } from '@millrace/core/contract';
import { createModelRefresher, type Drift, type LiveModels, type Manifest } from '@millrace/core/models';
import type { RefreshReport } from '@millrace/core/warehouse';
import { openTestSession, type TestSession } from './duckdb-session.ts';
import { createRawTables } from './storefront-tables.ts';

export interface ModelTrialOptions {
  readonly manifest: Manifest;
  readonly tables: readonly TableSchema[];
  readonly clock: Clock;
  readonly logger?: Logger;
  /** A database file whose stem is `millrace`, where an earlier trial may have left its tables; in memory by default. */
  readonly file?: string;
  /** `as_of` before the first load; none by default. */
  readonly asOf?: string;
  /** Statements that make what else the models read. */
  readonly setUp?: string;
}

/** A row of a raw table, by column; what is absent is null. */
export type RawRow = Readonly<Record<string, string | number | null>>;

/** Real DuckDB with a loader's tables and live models, loaded by hand. */
export class ModelTrial implements AsyncDisposable {
  readonly session: TestSession;
  models: LiveModels;
  readonly drifts: Drift[] = [];
  readonly #options: ModelTrialOptions;
  #sequence = 0;

  private constructor(session: TestSession, options: ModelTrialOptions) {
    this.session = session;
    this.#options = options;
    this.models = this.#refresher();
  }

  static async open(options: ModelTrialOptions): Promise<ModelTrial> {
    const session = await openTestSession({ file: options.file });
    const [known] = await session.rows(
      "select count(*) from information_schema.tables where table_catalog = 'millrace' and table_schema = 'raw'",
    );
    const trial = new ModelTrial(session, options);
    if (known?.[0] === 0) {
      await session.run(createRawTables(options.tables, options.asOf));
      if (options.setUp !== undefined) await session.run(options.setUp);
    } else {
      const [last] = await session.rows('select max(ingest_seq) from raw.raw_events');
      trial.#sequence = Number(last?.[0] ?? -1) + 1;
    }
    await trial.models.prepare(session);
    return trial;
  }

  /** Starts again with a refresher that knows nothing but what is in the database. */
  async restart(manifest = this.#options.manifest): Promise<void> {
    this.models = this.#refresher(manifest);
    await this.models.prepare(this.session);
  }

  #refresher(manifest = this.#options.manifest): LiveModels {
    const { clock, logger } = this.#options;
    const onDrift = (drift: Drift) => this.drifts.push(drift);
    return createModelRefresher({ manifest, clock, onDrift, ...(logger === undefined ? {} : { logger }) });
  }

  /** What a loader does: rows, `as_of` and models in one transaction. */
  async load(rows: readonly RawRow[], asOf: string, topic = 'events'): Promise<RefreshReport> {
    await this.session.run('begin');
    try {
      const report = await this.loadOpen(rows, asOf, topic);
      await this.session.run('commit');
      return report;
    } catch (error) {
      await this.session.run('rollback');
      throw error;
    }
  }

  /** The same inside a transaction that the caller ends. */
  async loadOpen(rows: readonly RawRow[], asOf: string, topic = 'events'): Promise<RefreshReport> {
    const table = this.#options.tables.find((each) => each.topic === topic);
    if (table === undefined) throw new Error(`no table for topic ${topic}`);
    const names = [
      ...table.columns.map(({ name }) => name),
      'ingest_seq',
      'received_at',
      'log_partition',
      'log_offset',
    ];
    const newRows = `temp.main.new_${table.table}`;
    await this.session.run(
      `create or replace temp table new_${table.table} as from raw.${table.table} limit 0`,
    );
    if (rows.length > 0) {
      const values = rows.map((row) => {
        const sequence = this.#sequence++;
        const system = { ingest_seq: sequence, received_at: asOf, log_partition: 0, log_offset: sequence };
        const all: RawRow = { ...row, ...system };
        return `(${names.map((name) => literal(all[name])).join(', ')})`;
      });
      await this.session.run(`insert into ${newRows} values ${values.join(', ')}`);
      await this.session.run(`insert into raw.${table.table} select * from ${newRows}`);
    }
    await this.session.run(`delete from raw.as_of; insert into raw.as_of values (timestamp '${asOf}')`);
    return this.models.refresh(this.session, [{ table: table.table, newRows }]);
  }

  /** Compares all live tables with the full SQL of their models, row for row; returns what differs. */
  async differences(manifest = this.#options.manifest): Promise<string[]> {
    const found: string[] = [];
    for (const model of manifest.models) {
      const planned = this.models.describePlan().find(({ name }) => name === model.name);
      if (model.sql === undefined || !['append', 'merge', 'keys'].includes(planned?.runs ?? '')) continue;
      const { schema, name } = model.relation;
      const count = await this.countDifferences(`(${model.sql}\n)`, `${schema}.${name}`);
      if (count > 0) found.push(`${model.name} (${planned?.runs}): ${count} rows`);
    }
    return found;
  }

  async countDifferences(expected: string, actual: string): Promise<number> {
    const [row] = await this.session.rows(`with e as materialized (select * from ${expected}),
      a as materialized (select * from ${actual})
      select (select count(*) from (from e except all from a)) + (select count(*) from (from a except all from e))`);
    return Number(row?.[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }
}

function literal(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
