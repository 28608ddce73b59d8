import type { Clock, Histogram, Meter } from '../base/index.ts';
import type { RawChange, RefreshReport, SqlSession } from '../warehouse/index.ts';
import type { Graph } from './graph.ts';
import type { PreparedModel } from './live-tables.ts';
import type { Source } from './manifest.ts';
import { ModelRefresh } from './model-refresh.ts';
import { deltaId, type KeyedPlan, type ModelPlan } from './plan.ts';
import type { RowChanges } from './refresh-sql.ts';
import { SourceChanges, type AsOfStep } from './source-changes.ts';
import { relationKey } from './sql-text.ts';
import { measureChanges, timeExpressions, type MeasuredChanges } from './time-values.ts';

export interface LiveModelSetOptions {
  readonly graph: Graph;
  /** Those that models read and the loader fills. */
  readonly sources: readonly Source[];
  readonly clock: Clock;
  readonly meter: Meter;
}

/** A live model with what its readers need to be told. */
interface LiveModel {
  readonly refresh: ModelRefresh;
  readonly plan: KeyedPlan;
  readonly hasReaders: boolean;
  readonly timeExpressions: readonly string[];
  readonly durationMs: Histogram;
}

/** All models of a project as they were planned, and the refresh of those that are live. */
export class LiveModelSet {
  readonly plans: readonly ModelPlan[];
  readonly #graph: Graph;
  readonly #clock: Clock;
  readonly #live: readonly LiveModel[];
  readonly #sources: readonly SourceChanges[];

  constructor(prepared: readonly PreparedModel[], options: LiveModelSetOptions) {
    this.plans = prepared.map(({ plan }) => plan);
    this.#graph = options.graph;
    this.#clock = options.clock;
    const keyed = this.plans.filter((plan) => plan.runs === 'keyed');
    const readersOf = (id: string) =>
      keyed.filter(({ parents }) => parents.some((parent) => parent.deltaId === id));
    this.#live = prepared.flatMap(({ plan, isUnique }) => {
      if (plan.runs !== 'keyed') return [];
      const hasReaders = readersOf(plan.model.id).length > 0;
      const durationMs = options.meter.histogram(
        'models_refresh_duration_ms',
        'Time that a model took in a load',
        {
          labels: { model: plan.model.name },
          buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
        },
      );
      return [
        {
          refresh: new ModelRefresh(plan, { hasReaders, isUnique }),
          plan,
          hasReaders,
          timeExpressions: timeExpressions(keyed, plan.model.id),
          durationMs,
        },
      ];
    });
    this.#sources = options.sources.flatMap((source) =>
      [false, true].flatMap((isHeldBack) => {
        const readers = readersOf(deltaId(source.id, isHeldBack));
        return readers.length === 0 ? [] : [new SourceChanges(source, { isHeldBack, readers })];
      }),
    );
  }

  /** Live plans, parents before children. */
  get livePlans(): readonly KeyedPlan[] {
    return this.#live.map(({ plan }) => plan);
  }

  /** Sources whose rows may wait until they are due. */
  get heldBackSources(): readonly Source[] {
    return this.#sources.filter(({ deltaId: id, source }) => id !== source.id).map(({ source }) => source);
  }

  /** The model was built anew: its table may have other properties. */
  noteBuilt(plan: ModelPlan, isUnique: boolean): void {
    this.#live.find((model) => model.plan === plan)?.refresh.noteBuilt(isUnique);
  }

  /** Brings all live models up to date with the rows that arrived or became due. */
  async refresh(session: SqlSession, changes: readonly RawChange[], step: AsOfStep): Promise<RefreshReport> {
    const known = new Map<string, MeasuredChanges>();
    for (const source of this.#sources) {
      const read = await source.read(session, changes, step);
      if (read !== undefined) known.set(source.deltaId, read);
    }
    return this.#propagate(session, known);
  }

  /** Computes the rows of some keys of a model again, and whatever depends on them. */
  async repair(session: SqlSession, { id, keys }: { id: string; keys: string }): Promise<RefreshReport> {
    const known = new Map<string, MeasuredChanges>();
    const model = this.#live.find(({ plan }) => plan.model.id === id);
    if (model === undefined) return { changedTables: [], modelsMs: {} };
    const rows = await model.refresh.repair(session, keys);
    if (rows !== undefined) known.set(id, await this.#measure(session, { model, rows }));
    const report = await this.#propagate(session, known);
    return {
      ...report,
      changedTables: this.withViews([relationKey(model.plan.model.relation), ...report.changedTables]),
    };
  }

  /** The relations and all views that read them, directly or through other views. */
  withViews(changed: readonly string[]): string[] {
    const all = new Set(changed);
    for (const plan of this.plans) {
      if (plan.runs !== 'view') continue;
      const parents = this.#graph.parentsOf(plan.model);
      if (parents.some(({ node }) => all.has(relationKey(node.relation))))
        all.add(relationKey(plan.model.relation));
    }
    return [...all];
  }

  async #propagate(session: SqlSession, known: Map<string, MeasuredChanges>): Promise<RefreshReport> {
    const changedTables: string[] = [];
    const modelsMs: Record<string, number> = {};
    for (const model of this.#live) {
      const { plan } = model;
      if (known.has(plan.model.id) || !plan.parents.some((parent) => known.has(parent.deltaId))) continue;
      const startMs = this.#clock.monotonicMs();
      const rows = await model.refresh.refresh(session, known);
      let isChanged = true;
      if (rows !== undefined) {
        const measured = await this.#measure(session, { model, rows });
        isChanged = measured.addedCount + measured.removedCount > 0;
        if (isChanged) known.set(plan.model.id, measured);
      }
      if (isChanged) changedTables.push(relationKey(plan.model.relation));
      const durationMs = this.#clock.monotonicMs() - startMs;
      modelsMs[plan.model.name] = durationMs;
      model.durationMs.observe(durationMs);
    }
    return { changedTables: this.withViews(changedTables), modelsMs };
  }

  #measure(
    session: SqlSession,
    { model, rows }: { model: LiveModel; rows: RowChanges },
  ): Promise<MeasuredChanges> {
    return measureChanges(session, rows, model.timeExpressions);
  }
}
