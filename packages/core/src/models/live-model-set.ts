import type { Clock, Histogram, Meter } from '../base/index.ts';
import type { RawChange, RefreshReport, SqlSession } from '../warehouse/index.ts';
import type { Graph } from './graph.ts';
import type { PreparedModel } from './live-tables.ts';
import type { Source } from './manifest.ts';
import { ModelRefresh } from './model-refresh.ts';
import { deltaId, type KeyedPlan, type ModelPlan } from './plan.ts';
import { columnList } from './refresh-sql.ts';
import type { RelationChanges } from './row-changes.ts';
import { RowDensity } from './row-density.ts';
import { SourceChanges, type AsOfStep } from './source-changes.ts';
import { relationKey } from './sql-text.ts';

export interface LiveModelSetOptions {
  readonly graph: Graph;
  /** Those that models read and the loader fills. */
  readonly sources: readonly Source[];
  readonly clock: Clock;
  readonly meter: Meter;
}

interface LiveModel {
  readonly plan: KeyedPlan;
  readonly refresh: ModelRefresh;
  readonly durationMs: Histogram;
}

const DURATION_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** All models of a project as they were planned, and the refresh of those that are live. */
export class LiveModelSet {
  readonly plans: readonly ModelPlan[];
  readonly #graph: Graph;
  readonly #clock: Clock;
  readonly #live: readonly LiveModel[];
  readonly #sources: readonly SourceChanges[];
  readonly #density = new RowDensity();

  constructor(prepared: readonly PreparedModel[], options: LiveModelSetOptions) {
    this.plans = prepared.map(({ plan }) => plan);
    this.#graph = options.graph;
    this.#clock = options.clock;
    const keyed = this.plans.filter((plan) => plan.runs === 'keyed');
    const readersOf = (id: string) =>
      keyed.filter(({ parents }) => parents.some((parent) => parent.deltaId === id));
    this.#live = prepared.flatMap(({ plan, isUnique }) => {
      if (plan.runs !== 'keyed') return [];
      const readers = readersOf(plan.model.id);
      const refresh = new ModelRefresh(plan, { readers, isUnique, density: this.#density });
      return [{ plan, refresh, durationMs: durationHistogram(options.meter, plan.model.name) }];
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

  /** The model was built anew: its table may have other properties. */
  noteBuilt(plan: ModelPlan, isUnique: boolean): void {
    this.#live.find((model) => model.plan === plan)?.refresh.noteBuilt(isUnique);
  }

  /** Brings all live models up to date with the rows that arrived or became due. */
  async refresh(session: SqlSession, changes: readonly RawChange[], step: AsOfStep): Promise<RefreshReport> {
    const known = new Map<string, RelationChanges>();
    for (const source of this.#sources) {
      const read = await source.read(session, changes, step);
      if (read !== undefined) known.set(source.deltaId, read);
    }
    return this.#propagate(session, known);
  }

  /** Sources whose promise to be unique models rely on, where it can be checked in order. */
  get uniqueSources(): readonly Source[] {
    const sources = this.#sources.map(({ source }) => source).filter(({ live }) => live.order !== undefined);
    return [...new Set(sources)].filter((source) => this.#appendingReaders(source).length > 0);
  }

  /**
   * Computes the rows of some ids again, in all models that only add what a source brings, and what follows
   * from them.
   */
  async repairReadersOf(session: SqlSession, source: Source, ids: string): Promise<RefreshReport> {
    const known = new Map<string, RelationChanges>();
    const repaired: string[] = [];
    for (const { plan, refresh } of this.#appendingReaders(source)) {
      const { changes } = await refresh.repair(session, `select ${columnList(plan.grain)} from ${ids}`);
      if (changes !== undefined) known.set(plan.model.id, changes);
      repaired.push(relationKey(plan.model.relation));
    }
    const report = await this.#propagate(session, known);
    return { ...report, changedTables: this.withViews([...repaired, ...report.changedTables]) };
  }

  #appendingReaders(source: Source): readonly LiveModel[] {
    const ids = [deltaId(source.id, false), deltaId(source.id, true)];
    return this.#live.filter(
      ({ plan }) => plan.strategy === 'append' && plan.parents.some((parent) => ids.includes(parent.deltaId)),
    );
  }

  /** Learns how dense the rows of one parent lie, one after the other. */
  async measureDensity(session: SqlSession, turn: number): Promise<void> {
    const parents = this.#live.flatMap(({ plan }) => plan.parents);
    const parent = parents[turn % parents.length];
    if (parent !== undefined) await this.#density.measure(session, parent);
  }

  /** The same for all at once. */
  async measureDensities(session: SqlSession): Promise<void> {
    for (const { plan } of this.#live) {
      for (const parent of plan.parents) await this.#density.measure(session, parent);
    }
  }

  /** The relations and all views that read them, directly or through other views. */
  withViews(changed: readonly string[]): string[] {
    const all = new Set(changed);
    for (const { runs, model } of this.plans) {
      if (runs !== 'view') continue;
      const parents = this.#graph.parentsOf(model);
      if (parents.some(({ node }) => all.has(relationKey(node.relation))))
        all.add(relationKey(model.relation));
    }
    return [...all];
  }

  async #propagate(session: SqlSession, known: Map<string, RelationChanges>): Promise<RefreshReport> {
    const changedTables: string[] = [];
    const modelsMs: Record<string, number> = {};
    for (const { plan, refresh, durationMs } of this.#live) {
      if (known.has(plan.model.id) || !plan.parents.some((parent) => known.has(parent.deltaId))) continue;
      const startMs = this.#clock.monotonicMs();
      const { isChanged, changes } = await refresh.refresh(session, known);
      if (changes !== undefined) known.set(plan.model.id, changes);
      if (isChanged) changedTables.push(relationKey(plan.model.relation));
      const elapsedMs = this.#clock.monotonicMs() - startMs;
      modelsMs[plan.model.name] = elapsedMs;
      durationMs.observe(elapsedMs);
    }
    return { changedTables: this.withViews(changedTables), modelsMs };
  }
}

function durationHistogram(meter: Meter, model: string): Histogram {
  return meter.histogram('models_refresh_duration_ms', 'Time that a model took in a load', {
    labels: { model },
    buckets: DURATION_BUCKETS,
  });
}
