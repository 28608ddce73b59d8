import { isOnlyBound } from './as-of-bound.ts';
import { columnsOf, columnText, PASSENGER, type Carrier, type Outputs, Unproven } from './carriers.ts';
import { describeQuery, sameColumns, typesByName, type ResultColumn } from './columns.ts';
import type { Graph, Parent } from './graph.ts';
import { proveLocal, type LineageSource } from './key-lineage.ts';
import type { Model } from './manifest.ts';
import { proveMergeable, type MergeColumns } from './merge-columns.ts';
import { deltaId, type KeyedParent, type KeyedPlan, type ModelPlan, type OtherPlan } from './plan.ts';
import { rebind } from './rebind.ts';
import { findHazards, type FunctionCatalog } from './sql-hazards.ts';
import { quoteName, relationSql } from './sql-text.ts';
import { expressionText, nodesOf, parseSelect, type SyntaxNode } from './syntax-tree.ts';
import { timeKeyOf } from './time-key.ts';
import type { SqlSession } from '../warehouse/index.ts';

/** Decides how each model runs. Ask in the graph's order, when the relations that a model reads exist. */
export class Planner {
  readonly #session: SqlSession;
  readonly #graph: Graph;
  readonly #functions: FunctionCatalog;
  readonly #plans = new Map<string, ModelPlan>();

  constructor(session: SqlSession, graph: Graph, functions: FunctionCatalog) {
    this.#session = session;
    this.#graph = graph;
    this.#functions = functions;
  }

  async plan(model: Model): Promise<ModelPlan> {
    const plan = await this.#decide(model);
    this.#plans.set(model.id, plan);
    return plan;
  }

  async #decide(model: Model): Promise<ModelPlan> {
    const { sql, materialized } = model;
    const other = (
      runs: OtherPlan['runs'],
      reason: string,
      columns: readonly ResultColumn[] = [],
    ): OtherPlan => ({
      runs,
      model,
      columns,
      reason,
      warnings: [],
    });
    if (materialized === 'ephemeral') return other('inline', 'It is part of the models that read it.');
    if (sql === undefined) return other('dbt', 'It is not SQL: dbt runs it.');
    if (!['incremental', 'table', 'view'].includes(materialized)) {
      return other('dbt', `The materialization '${materialized}' is dbt's own: dbt runs it.`);
    }
    const columns = await describeQuery(this.#session, sql);
    if (materialized === 'view') return other('view', 'A view is computed when it is read.', columns);
    try {
      return await this.#keyed({ model, sql, columns });
    } catch (error) {
      if (!(error instanceof Unproven)) throw error;
      return other(
        'whole',
        `${sentence(error.message)} It is computed as a whole on a slower clock.`,
        columns,
      );
    }
  }

  async #keyed(subject: Subject): Promise<KeyedPlan> {
    const { model, sql, columns } = subject;
    const grain = grainOf(model);
    const tree = await parseSelect(this.#session, sql);
    if ('unparsed' in tree) throw new Unproven(`it cannot be taken apart: ${String(tree['unparsed'])}`);
    const parents = this.#graph.parentsOf(model);
    const hazards = findHazards(
      tree,
      this.#functions,
      parents.map(({ node }) => node.relation),
    );
    if (hazards.refusals[0] !== undefined) throw new Unproven(hazards.refusals[0]);
    const isHeldBack = parents.some((parent) => parent.kind === 'source' && parent.node.live.asOf);
    const keyed: KeyedParent[] = [];
    const sources: LineageSource[] = [];
    for (const parent of parents) {
      const relation = parent.node.relation;
      if (this.#isStatic(parent)) {
        const names = (await this.#columnsOf(parent)).map(({ name }) => name.toLowerCase());
        sources.push({ relation, outputs: { isKeyed: false, carriers: new Map(), isUnique: false, names } });
        continue;
      }
      const input = `__millrace_input_${keyed.length}`;
      const { keys, outputs } = await this.#keyedParent(parent, { subject, grain, isHeldBack });
      keyed.push({ ...keys, input });
      sources.push({ relation, outputs });
      this.#checkBound(tree, { parents, parent });
    }
    if (keyed.length === 0) throw new Unproven('none of what it reads changes with loads');
    const boundSql = await this.#bind(subject, keyed);
    const passenger = keyed.length === 1 ? keyed[0]?.eventTime : undefined;
    const proof = proveLocal(tree, { grain, sources, passenger, aggregates: this.#functions.aggregates });
    if (!proof.isLocal && !model.live.local) throw new Unproven(proof.reason);
    const isUnique = proof.isLocal && proof.isUnique;
    const strategy = await this.#strategy({ subject, grain, keyed, tree, isUnique });
    const doubt = proof.isLocal
      ? []
      : [`The model declares itself local to its key; its SQL does not show it: ${proof.reason}.`];
    return {
      runs: 'keyed',
      ...strategy,
      model,
      columns,
      grain,
      parents: keyed,
      boundSql,
      isUnique,
      isProven: proof.isLocal,
      timeColumn: proof.isLocal && proof.isPassed ? passenger : undefined,
      warnings: [...hazards.warnings.map(sentence), ...doubt],
    };
  }

  /** What never changes while Millrace runs: static sources, seeds, and the row that says `as_of`. */
  #isStatic(parent: Parent): boolean {
    if (parent.kind === 'other') return parent.node.kind === 'seed';
    return parent.kind === 'source' && (parent.node.live.static || parent.node.live.asOf);
  }

  async #keyedParent(
    parent: Parent,
    { subject, grain, isHeldBack }: { subject: Subject; grain: readonly string[]; isHeldBack: boolean },
  ): Promise<{ keys: Omit<KeyedParent, 'input'>; outputs: Outputs }> {
    const { name, relation } = parent.node;
    this.#checkChanges(parent, isHeldBack);
    const columns = await this.#columnsOf(parent);
    const types = typesByName(columns);
    const declared = declaredKeys(subject.model, parent) ?? sameNames(subject.model, { grain, types });
    if (declared === undefined) throw new Unproven(`keys_from does not say how its keys follow from ${name}`);
    const keys: string[] = [];
    const timeKeys: KeyedParent['timeKeys'][number][] = [];
    const carriers = new Map<string, Carrier>();
    for (const [key, column] of grain.entries()) {
      const sql = declared[column];
      if (sql === undefined) throw new Unproven(`keys_from.${name} does not say how ${column} is made`);
      const expression = await this.#keyExpression(sql, { relation: relationSql(relation), column, subject });
      keys.push(sql);
      timeKeys.push(timeKeyOf(expression, types));
      carriers.set(expressionText(expression), { key, columns: columnsOf(expression) });
    }
    const keyColumns = [...new Set([...carriers.values()].flatMap((carrier) => carrier.columns))];
    const eventTime = this.#eventTimeOf(parent);
    const timeText = eventTime === undefined ? undefined : columnText(eventTime);
    if (timeText !== undefined && !carriers.has(timeText)) {
      carriers.set(timeText, { key: PASSENGER, columns: [eventTime?.toLowerCase() ?? ''] });
    }
    const id = deltaId(parent.node.id, parent.kind === 'source' && isHeldBack);
    const names = columns.map((each) => each.name.toLowerCase());
    return {
      keys: { eventTime, deltaId: id, name, relation, columns, keys, keyColumns, timeKeys },
      outputs: { isKeyed: true, carriers, isUnique: false, names },
    };
  }

  /** The column by which a parent's rows are told apart in time, however its models name their keys. */
  #eventTimeOf(parent: Parent): string | undefined {
    if (parent.kind === 'source') return parent.node.live.eventTime;
    const plan = this.#plans.get(parent.node.id);
    return plan?.runs === 'keyed' && plan.strategy === 'append' ? plan.timeColumn : undefined;
  }

  /** Throws `Unproven` when the parent changes in a way that is not seen row by row. */
  #checkChanges(parent: Parent, isHeldBack: boolean): void {
    const { name } = parent.node;
    if (parent.kind === 'other') throw new Unproven(`it reads ${name}, a snapshot, which dbt changes`);
    if (parent.kind === 'source') {
      const { appendOnly, eventTime } = parent.node.live;
      if (!appendOnly) throw new Unproven(`it reads ${name}, which does not declare itself append_only`);
      if (!isHeldBack || eventTime !== undefined) return;
      throw new Unproven(
        `it compares with as_of, but ${name} declares no event_time, so nothing says which rows wait`,
      );
    }
    const plan = this.#plans.get(parent.node.id);
    if (plan?.runs !== 'keyed') throw new Unproven(`it reads ${name}, which is not refreshed row by row`);
    if (isHeldBack)
      throw new Unproven('it compares with as_of, so rows change without any of their parents changing');
  }

  /** Throws `Unproven` when rows change with `as_of` in another way than by falling due. */
  #checkBound(tree: SyntaxNode, { parents, parent }: { parents: readonly Parent[]; parent: Parent }): void {
    const asOf = parents.find(({ kind, node }) => kind === 'source' && node.live.asOf)?.node.relation;
    if (asOf === undefined || parent.kind !== 'source') return;
    const eventTime = parent.node.live.eventTime ?? '';
    if (isOnlyBound(tree, { asOf, eventTime })) return;
    throw new Unproven(
      `it uses as_of in another way than \`${eventTime} <= (select as_of …)\`, so rows change unannounced`,
    );
  }

  async #keyExpression(
    sql: string,
    { relation, column, subject }: { relation: string; column: string; subject: Subject },
  ): Promise<SyntaxNode> {
    const query = `select ${sql} as key_value from ${relation}`;
    const tree = await parseSelect(this.#session, query);
    const [expression] = 'unparsed' in tree ? [] : nodesOf(tree['select_list']);
    if (expression === undefined) throw new Unproven(`keys_from: '${sql}' is not an expression`);
    const [found] = await describeQuery(this.#session, query);
    const wanted = typesByName(subject.columns).get(column.toLowerCase());
    if (wanted === undefined) throw new Unproven(`its grain names ${column}, which it does not have`);
    if (found?.type !== wanted) {
      throw new Unproven(`keys_from: '${sql}' is ${found?.type}, while ${column} is ${wanted}`);
    }
    return expression;
  }

  /** The SQL over the inputs; refused when it has other columns than the model. */
  async #bind(subject: Subject, parents: readonly KeyedParent[]): Promise<string> {
    const replacements = parents.map(({ relation, input }) => ({ from: relation, to: input }));
    const bound = await rebind(this.#session, subject.sql, replacements);
    if ('unparsed' in bound) throw new Unproven(`its parents cannot be replaced: ${bound.unparsed}`);
    const inputs = parents.map(
      ({ input, relation }) => `${quoteName(input)} as (select * from ${relationSql(relation)})`,
    );
    const columns = await describeQuery(
      this.#session,
      `with ${inputs.join(', ')} select * from (${bound.sql})`,
    ).catch((error: unknown) => {
      throw new Unproven(
        `it cannot be read from other relations: ${(error as Error).message.split('\n')[0]}`,
      );
    });
    if (!sameColumns(columns, subject.columns))
      throw new Unproven('its column types change when its parents are replaced');
    return bound.sql;
  }

  async #strategy(question: StrategyQuestion): Promise<Strategy> {
    const { subject, grain, keyed, tree, isUnique } = question;
    const [only] = keyed;
    const key = grain.join(', ');
    if (keyed.length === 1 && only !== undefined && this.#neverRepeats(question, only)) {
      const reason = `${only.name} only grows and never repeats ${key}: new rows are added, nothing is looked up.`;
      return { strategy: 'append', merge: undefined, reason };
    }
    let refusal =
      keyed.length > 1 ? 'it has several parents that change' : 'its rows are not grouped by its keys alone';
    if (keyed.length === 1 && only !== undefined && isUnique) {
      const types = typesByName(subject.columns);
      const { aggregates } = this.#functions;
      const merge = await proveMergeable(this.#session, tree, { parent: only.relation, types, aggregates });
      if (typeof merge !== 'string') {
        const reason = `Counts, sums and extremes of ${only.name}'s new rows are merged into the rows of their ${key}.`;
        return { strategy: 'merge', merge, reason };
      }
      refusal = merge;
    }
    const bounds = grain.filter((_, index) => keyed.every(({ timeKeys }) => timeKeys[index] !== undefined));
    const cost =
      bounds.length > 0
        ? `Found by ranges of ${bounds.join(', ')}.`
        : `No key is a time: the cost grows with ${keyed.map(({ name }) => name).join(', ')}.`;
    const reason = `Changed ${key} are computed again (not merged: ${refusal}). ${cost}`;
    return { strategy: 'keys', merge: undefined, reason };
  }

  /** Each parent row has a key of its own that it keeps: no row of the model is ever replaced. */
  #neverRepeats({ subject, grain }: StrategyQuestion, parent: KeyedParent): boolean {
    const source = this.#graph.parentsOf(subject.model).find(({ node }) => parent.relation === node.relation);
    const unique = source === undefined ? undefined : this.#uniqueColumns(source);
    if (unique === undefined || unique.length !== grain.length) return false;
    const isPlain = parent.keys.every(
      (sql, index) => sql.trim().toLowerCase() === grain[index]?.toLowerCase(),
    );
    return isPlain && grain.every((column) => unique.includes(column.toLowerCase()));
  }

  #uniqueColumns(parent: Parent): readonly string[] | undefined {
    if (parent.kind === 'source') return lowerCase(parent.node.live.uniqueBy);
    const plan = this.#plans.get(parent.node.id);
    return plan?.runs === 'keyed' && plan.strategy === 'append' ? lowerCase(plan.grain) : undefined;
  }

  async #columnsOf(parent: Parent): Promise<readonly ResultColumn[]> {
    const plan = this.#plans.get(parent.node.id);
    if (plan !== undefined) return plan.columns;
    return describeQuery(this.#session, `select * from ${relationSql(parent.node.relation)}`);
  }
}

interface Subject {
  readonly model: Model;
  readonly sql: string;
  readonly columns: readonly ResultColumn[];
}

interface StrategyQuestion {
  readonly subject: Subject;
  readonly grain: readonly string[];
  readonly keyed: readonly KeyedParent[];
  readonly tree: SyntaxNode;
  readonly isUnique: boolean;
}

interface Strategy {
  readonly strategy: KeyedPlan['strategy'];
  readonly merge: MergeColumns | undefined;
  readonly reason: string;
}

/** The columns that a model declares as its key, or `Unproven` when it cannot be kept by keys. */
function grainOf(model: Model): readonly string[] {
  const { whole, grain, local } = model.live;
  if (whole !== undefined) throw new Unproven(whole);
  if (model.materialized === 'incremental') {
    if (model.uniqueKey.length === 0) throw new Unproven('it has no unique_key');
    if (!local)
      throw new Unproven(
        'it does not declare meta.millrace.local: rows of other keys may be part of its rows',
      );
    return model.uniqueKey;
  }
  if (grain === undefined || grain.length === 0) throw new Unproven('it declares no meta.millrace.grain');
  return grain;
}

function declaredKeys(model: Model, parent: Parent): Readonly<Record<string, string>> | undefined {
  const { name, relation } = parent.node;
  return model.live.keysFrom[name] ?? model.live.keysFrom[`${relation.schema}.${relation.name}`];
}

/** An incremental model's key is, unless it says otherwise, the parent's columns of the same names. */
function sameNames(
  model: Model,
  { grain, types }: { grain: readonly string[]; types: ReadonlyMap<string, string> },
): Readonly<Record<string, string>> | undefined {
  if (model.materialized !== 'incremental' || grain.some((column) => !types.has(column.toLowerCase())))
    return undefined;
  return Object.fromEntries(grain.map((column) => [column, column]));
}

function lowerCase(names: readonly string[] | undefined): readonly string[] | undefined {
  return names?.map((name) => name.toLowerCase());
}

function sentence(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${/[.!?]$/.test(reason) ? '' : '.'}`;
}
