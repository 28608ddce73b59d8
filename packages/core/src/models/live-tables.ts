import { type Logger, messageOf } from '../base/index.ts';
import type { SqlSession } from '../warehouse/index.ts';
import { buildInParts, type BuildPart } from './chunked-build.ts';
import { describeQuery, sameColumns } from './columns.ts';
import { fail } from './errors.ts';
import type { Graph } from './graph.ts';
import type { Model, Source } from './manifest.ts';
import type { KeyedPlan, ModelPlan, OtherPlan } from './plan.ts';
import { Planner } from './planner.ts';
import { readFunctionCatalog } from './sql-hazards.ts';
import { quoteName, quoteText, relationKey, relationSql } from './sql-text.ts';

/** A plan and what is known of its table. */
export interface PreparedModel {
  readonly plan: ModelPlan;
  /** No two rows have the same key, counted when the table was built. */
  readonly isUnique: boolean;
  /** The table was built now. */
  readonly isBuilt: boolean;
}

type Table = 'table' | 'view';

/** What was built before, by model id. */
interface Built {
  readonly sql: string;
  readonly isLive: boolean;
  readonly isUnique: boolean;
}

/** Creates and rebuilds the relations of models, and remembers from which SQL: `meta.live_models`. */
export class LiveTables {
  readonly #session: SqlSession;
  readonly #graph: Graph;
  readonly #logger: Logger;
  readonly #meta: string;

  constructor(session: SqlSession, options: { graph: Graph; catalog: string; logger: Logger }) {
    this.#session = session;
    this.#graph = options.graph;
    this.#logger = options.logger;
    this.#meta = `${quoteName(options.catalog)}.meta.live_models`;
  }

  /**
   * Plans all models and builds those whose table is missing, was made from other SQL or columns, or reads
   * something that was rebuilt or changed unseen. Call inside a transaction.
   * @throws MODELS_PARENT_MISSING, MODELS_SQL_INVALID
   */
  async prepare(unseen: ReadonlySet<Source>): Promise<PreparedModel[]> {
    const session = this.#session;
    await this.#createSchemas();
    const existing = await this.#existing();
    this.#checkParents(existing);
    const built = await this.#readBuilt();
    const planner = new Planner(session, this.#graph, await readFunctionCatalog(session));
    const changed = new Set<string>([...unseen].map(({ id }) => id));
    const prepared: PreparedModel[] = [];
    for (const model of this.#graph.ordered) {
      const plan = await this.#plan(planner, model);
      const before = built.get(model.id);
      const kind = existing.get(relationKey(model.relation).toLowerCase());
      const isStale = this.#graph.parentsOf(model).some(({ node }) => changed.has(node.id));
      const reason = await this.#reasonToBuild(plan, { before, kind, isStale });
      if (reason === undefined) {
        prepared.push({ plan, isUnique: before?.isUnique ?? false, isBuilt: false });
        continue;
      }
      this.#logger.info('building a model from its full SQL', { model: model.name, reason });
      changed.add(model.id);
      prepared.push({ plan, isUnique: await this.build(plan, kind), isBuilt: true });
    }
    await this.#forgetOthers();
    return prepared;
  }

  /** Makes the relation anew from the full SQL. Returns whether no two rows have the same key. */
  async build(plan: ModelPlan, kind?: Table): Promise<boolean> {
    const { model, runs } = plan;
    const name = relationSql(model.relation);
    const wanted: Table = runs === 'view' ? 'view' : 'table';
    if (kind !== undefined && kind !== wanted) await this.#session.run(`drop ${kind} ${name}`);
    const isInParts =
      plan.runs === 'keyed' && (await buildInParts(this.#session, plan, this.#reporter(model)));
    if (!isInParts) await this.#session.run(`create or replace ${wanted} ${name} as ${model.sql}`);
    // Rows that are only ever added are not replaced by their keys.
    const isKept = plan.runs === 'keyed' && plan.strategy !== 'append';
    const isUnique = isKept && (plan.isUnique || (await this.#hasUniqueGrain(plan)));
    const row = [quoteText(model.id), quoteText(model.sql ?? ''), String(runs === 'keyed'), String(isUnique)];
    const insert = `insert into ${this.#meta} values (${row.join(', ')})`;
    await this.#session.run(`delete from ${this.#meta} where model = ${quoteText(model.id)}; ${insert}`);
    return isUnique;
  }

  #reporter(model: Model): (part: BuildPart) => void {
    return ({ number, count }) => {
      if (number % 10 === 0 || number === count)
        this.#logger.info('building a model', { model: model.name, number, count });
    };
  }

  async #plan(planner: Planner, model: Model): Promise<ModelPlan> {
    try {
      return await planner.plan(model);
    } catch (cause) {
      const message = `Model ${model.name}: ${messageOf(cause)}`;
      throw fail('MODELS_SQL_INVALID', { message, details: { model: model.name }, cause });
    }
  }

  async #reasonToBuild(
    plan: KeyedPlan | OtherPlan,
    { before, kind, isStale }: { before: Built | undefined; kind: Table | undefined; isStale: boolean },
  ): Promise<string | undefined> {
    if (plan.runs === 'inline' || plan.runs === 'dbt') return undefined;
    if (kind === undefined) return 'it does not exist';
    if (kind !== (plan.runs === 'view' ? 'view' : 'table')) return `it is a ${kind}`;
    if (before === undefined) return 'it was made by somebody else';
    if (before.sql !== plan.model.sql) return 'its SQL changed';
    if (plan.runs === 'view') return undefined;
    if (isStale) return 'what it reads was rebuilt';
    if (plan.runs === 'keyed' && !before.isLive) return 'it was not kept live before';
    const columns = await describeQuery(this.#session, `select * from ${relationSql(plan.model.relation)}`);
    return sameColumns(columns, plan.columns) ? undefined : 'its columns changed';
  }

  async #hasUniqueGrain(plan: KeyedPlan): Promise<boolean> {
    const grain = plan.grain.map(quoteName).join(', ');
    const table = relationSql(plan.model.relation);
    const repeated = await this.#session.rows(
      `select 1 from ${table} group by ${grain} having count(*) > 1 limit 1`,
    );
    if (repeated.length > 0) {
      this.#logger.warn('the grain of a model has several rows', {
        model: plan.model.name,
        grain: plan.grain,
      });
    }
    return repeated.length === 0;
  }

  async #createSchemas(): Promise<void> {
    const schemas = new Set(
      this.#graph.ordered.map(
        ({ relation }) => `${quoteName(relation.catalog)}.${quoteName(relation.schema)}`,
      ),
    );
    const statements = [...schemas, this.#meta.replace(/\.live_models$/, '')].map(
      (schema) => `create schema if not exists ${schema}`,
    );
    statements.push(`create table if not exists ${this.#meta}
      (model varchar not null, "sql" varchar not null, is_live boolean not null, is_unique boolean not null)`);
    await this.#session.run(statements.join(';\n'));
  }

  /** Tables and views by `schema.name`, lower case. */
  async #existing(): Promise<ReadonlyMap<string, Table>> {
    const catalogs = new Set(this.#graph.ordered.map(({ relation }) => relation.catalog));
    const rows = await this.#session.rows(`select lower(table_schema), lower(table_name), table_type
      from information_schema.tables where table_catalog in (${[...catalogs].map(quoteText).join(', ')})`);
    return new Map(
      rows.map(([schema, name, type]) => [`${schema}.${name}`, type === 'VIEW' ? 'view' : 'table']),
    );
  }

  #checkParents(existing: ReadonlyMap<string, Table>): void {
    for (const model of this.#graph.ordered) {
      for (const { kind, node } of this.#graph.parentsOf(model)) {
        const isOwn = kind === 'model' && node.sql !== undefined;
        if (isOwn || existing.has(relationKey(node.relation).toLowerCase())) continue;
        const missing = relationKey(node.relation);
        const message = `Model ${model.name} reads ${missing}, which is not in the warehouse.`;
        throw fail('MODELS_PARENT_MISSING', { message, details: { model: model.name, missing } });
      }
    }
  }

  async #readBuilt(): Promise<ReadonlyMap<string, Built>> {
    const rows = await this.#session.rows(`select model, "sql", is_live, is_unique from ${this.#meta}`);
    return new Map(
      rows.map(([model, sql, isLive, isUnique]) => [
        String(model),
        { sql: String(sql), isLive: isLive === true, isUnique: isUnique === true },
      ]),
    );
  }

  /** A model that left the manifest is not kept up to date: should it come back, it is built again. */
  async #forgetOthers(): Promise<void> {
    const ids = this.#graph.ordered.map(({ id }) => quoteText(id));
    if (ids.length === 0) return;
    await this.#session.run(`delete from ${this.#meta} where model not in (${ids.join(', ')})`);
  }
}
