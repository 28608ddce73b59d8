import type { Clock, Counter, Logger, Meter, Random } from '../base/index.ts';
import type { RefreshReport, SqlSession } from '../warehouse/index.ts';
import type { Graph } from './graph.ts';
import { IdAudit } from './id-audit.ts';
import type { LiveModelSet } from './live-model-set.ts';
import type { LiveTables } from './live-tables.ts';
import { Pace } from './pace.ts';
import type { KeyedPlan } from './plan.ts';
import type { RefreshState } from './refresh-state.ts';
import { checkSample, type SampleResult } from './sample-check.ts';
import { relationKey } from './sql-text.ts';
import { inTransaction } from './transaction.ts';

/** A live table that differed from its full SQL. */
export interface Drift {
  readonly model: string;
  /** `schema.table`. */
  readonly relation: string;
  readonly differenceCount: number;
  /** Which rows were compared. */
  readonly where: string;
}

export interface IdleWorkOptions {
  readonly graph: Graph;
  readonly state: RefreshState;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly random: Random;
  readonly onDrift: ((drift: Drift) => void) | undefined;
}

/** A whole refresh waits ten times as long as it took: it has at most a tenth of the time. */
const WHOLE_PACE = { shareMax: 0.1, pauseMsMin: 5_000 };
/** Samples have at most a twentieth. */
const SAMPLE_PACE = { shareMax: 0.05, pauseMsMin: 1_000 };
/** The comparison of ids reads all of history again and again. */
const AUDIT_PACE = { shareMax: 0.03, pauseMsMin: 500 };
const DENSITY_PACE = { shareMax: 0.01, pauseMsMin: 2_000 };

/** What is done between loads: whole refreshes, comparisons with the full SQL and of ids. */
export class IdleWork {
  readonly #options: IdleWorkOptions;
  readonly #checkedKeys: Counter;
  readonly #drifts: Counter;
  readonly #sample: Pace;
  readonly #density: Pace;
  readonly #auditPace: Pace;
  readonly #audit: IdAudit;
  readonly #whole = new Map<string, { isDirty: boolean; readonly pace: Pace }>();
  #models: LiveModelSet | undefined;
  #tables: LiveTables | undefined;
  #nextSample = 0;
  #nextDensity = 0;
  #nextCheck = 0;

  constructor(options: IdleWorkOptions) {
    this.#options = options;
    this.#density = new Pace(options.clock, DENSITY_PACE);
    this.#auditPace = new Pace(options.clock, AUDIT_PACE);
    this.#audit = new IdAudit(options);
    this.#sample = new Pace(options.clock, SAMPLE_PACE);
    this.#checkedKeys = options.meter.counter('models_checked_keys_total', 'Keys compared with the full SQL');
    this.#drifts = options.meter.counter(
      'models_drift_total',
      'Live tables found to differ from their full SQL',
    );
  }

  /**
   * Begins with newly prepared models. A whole model may be behind what was there before: it is due at once.
   */
  start(models: LiveModelSet, tables: LiveTables): void {
    this.#models = models;
    this.#tables = tables;
    this.#audit.restart();
    this.#whole.clear();
    for (const { runs, model } of models.plans) {
      if (runs === 'whole')
        this.#whole.set(model.id, { isDirty: true, pace: new Pace(this.#options.clock, WHOLE_PACE) });
    }
  }

  /** Relations changed, `schema.table`: models that are refreshed as a whole fall behind. */
  noteChanges(relations: readonly string[]): void {
    const changed = new Set(relations);
    for (const plan of this.#models?.plans ?? []) {
      const whole = this.#whole.get(plan.model.id);
      if (whole === undefined || whole.isDirty) continue;
      const parents = this.#options.graph.parentsOf(plan.model);
      whole.isDirty = parents.some(({ node }) => changed.has(relationKey(node.relation)));
    }
  }

  /** At most one piece of work; undefined when nothing was due or nothing changed. */
  async run(session: SqlSession): Promise<RefreshReport | undefined> {
    const models = this.#models;
    const tables = this.#tables;
    if (models === undefined || tables === undefined) return undefined;
    const report = await this.#refreshWhole(session, { models, tables });
    if (report !== undefined) {
      this.noteChanges(report.changedTables);
      return report;
    }
    // None of these may keep the others from their turn, however rarely there is time.
    const checks: readonly [Pace, () => Promise<RefreshReport | undefined>][] = [
      [this.#auditPace, () => this.#audit.run(session, models)],
      [this.#sample, () => this.#checkSample(session, { models, tables })],
      [this.#density, () => this.#measureDensity(session, models)],
    ];
    for (let i = 0; i < checks.length; i++) {
      const [pace, work] = checks[this.#nextCheck++ % checks.length] ?? [];
      if (pace === undefined || work === undefined || !pace.isDue()) continue;
      const corrected = await pace.run(work);
      if (corrected !== undefined) this.noteChanges(corrected.changedTables);
      return corrected;
    }
    return undefined;
  }

  async #measureDensity(session: SqlSession, models: LiveModelSet): Promise<undefined> {
    await models.measureDensity(session, this.#nextDensity++);
    return undefined;
  }

  async #refreshWhole(
    session: SqlSession,
    { models, tables }: { models: LiveModelSet; tables: LiveTables },
  ): Promise<RefreshReport | undefined> {
    for (const plan of models.plans) {
      const whole = this.#whole.get(plan.model.id);
      if (whole === undefined || !whole.isDirty || !whole.pace.isDue()) continue;
      const startMs = this.#options.clock.monotonicMs();
      whole.isDirty = false;
      try {
        await whole.pace.run(() => inTransaction(session, () => tables.build(plan)));
      } catch (error) {
        whole.isDirty = true;
        throw error;
      }
      return {
        changedTables: models.withViews([relationKey(plan.model.relation)]),
        modelsMs: { [plan.model.name]: this.#options.clock.monotonicMs() - startMs },
      };
    }
    return undefined;
  }

  async #checkSample(
    session: SqlSession,
    { models, tables }: { models: LiveModelSet; tables: LiveTables },
  ): Promise<RefreshReport | undefined> {
    const plans = models.livePlans;
    const plan = plans[this.#nextSample % plans.length];
    if (plan === undefined) return undefined;
    this.#nextSample++;
    const result = await checkSample(session, { plan, random: this.#options.random });
    this.#checkedKeys.add(result.count);
    if (result.differenceCount === 0) return undefined;
    return this.#repairDrift(session, { models, tables, plan, result });
  }

  /** Rebuilds the model and all that read it, and says so. */
  async #repairDrift(
    session: SqlSession,
    found: { models: LiveModelSet; tables: LiveTables; plan: KeyedPlan; result: SampleResult },
  ): Promise<RefreshReport> {
    const { models, tables, plan, result } = found;
    const { graph, state, logger, onDrift } = this.#options;
    const affected = new Set([plan.model, ...graph.descendantsOf(plan.model.id)]);
    const rebuilt = models.plans.filter(
      ({ model, runs }) => affected.has(model) && (runs === 'keyed' || runs === 'whole'),
    );
    const relation = relationKey(plan.model.relation);
    const { differenceCount, where } = result;
    logger.error('a live table differs from the full SQL of its model; it is rebuilt', {
      code: 'MODELS_DRIFT',
      model: plan.model.name,
      differenceCount,
      where,
    });
    this.#drifts.add(1);
    this.#audit.restart();
    await inTransaction(session, async () => {
      for (const each of rebuilt) {
        models.noteBuilt(each, await tables.build(each));
        await state.restartAudit(session, graph.sourcesOf(each.model));
      }
    });
    onDrift?.({ model: plan.model.name, relation, differenceCount, where });
    return {
      changedTables: models.withViews(rebuilt.map(({ model }) => relationKey(model.relation))),
      modelsMs: {},
    };
  }
}
