import {
  type Clock,
  type Logger,
  type Meter,
  type Random,
  seededRandom,
  silentLogger,
  silentMeter,
} from '../base/index.ts';
import type { ModelRefresher, RawChange, RefreshReport, SqlSession } from '../warehouse/index.ts';
import { fail } from './errors.ts';
import { buildGraph, type Graph } from './graph.ts';
import { IdleWork, type Drift } from './idle-work.ts';
import { LiveTables } from './live-tables.ts';
import type { Manifest, Source } from './manifest.ts';
import { LiveModelSet } from './live-model-set.ts';
import { describePlan, type PlannedModel } from './plan.ts';
import { RefreshState } from './refresh-state.ts';
import type { AsOfStep } from './source-changes.ts';
import { quoteName, relationKey } from './sql-text.ts';
import { inTransaction } from './transaction.ts';

export interface ModelRefresherOptions {
  readonly manifest: Manifest;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly meter?: Meter;
  /** Chooses the samples that are compared with the full SQL. */
  readonly random?: Random;
  /** Called when a live table was found to differ from its full SQL; it has been rebuilt by then. */
  readonly onDrift?: (drift: Drift) => void;
}

/** The refresher of a project's models, and how each of them runs. */
export interface LiveModels extends ModelRefresher {
  /** How each model runs and why; empty before `prepare`. */
  describePlan(): readonly PlannedModel[];
}

/**
 * Keeps the tables of dbt models equal to their full SQL, by running the SQL that dbt compiled over the rows
 * that changed. `prepare`, `refresh` and `idle` must be given the same connection: changed rows are in its
 * temporary tables.
 *
 * @throws MODELS_CYCLE, MODELS_MANIFEST_INVALID for a manifest that does not hold together; later
 * `MODELS_PARENT_MISSING` and `MODELS_SQL_INVALID` from `prepare`.
 * @example
 * ```ts
 * import { createModelRefresher, parseManifest } from '@millrace/core/models';
 * const models = createModelRefresher({ manifest: parseManifest(text), clock });
 * ```
 */
export function createModelRefresher(options: ModelRefresherOptions): LiveModels {
  return new ProjectModels(options);
}

class ProjectModels implements LiveModels {
  readonly #graph: Graph;
  readonly #state: RefreshState;
  readonly #catalog: string;
  readonly #sources: readonly Source[];
  readonly #asOf: readonly Source[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #idle: IdleWork;
  #models: LiveModelSet | undefined;

  constructor(options: ModelRefresherOptions) {
    const { manifest, clock, logger = silentLogger, meter = silentMeter } = options;
    this.#graph = buildGraph(manifest);
    const [first] = manifest.models;
    this.#catalog = first?.relation.catalog ?? '';
    this.#state = new RefreshState(manifest, this.#catalog);
    const read = new Set(
      this.#graph.ordered.flatMap((model) => this.#graph.parentsOf(model).map(({ node }) => node.id)),
    );
    this.#sources = manifest.sources.filter(({ id, live }) => read.has(id) && live.appendOnly);
    this.#asOf = manifest.sources.filter(({ live }) => live.asOf);
    this.#clock = clock;
    this.#logger = logger;
    this.#meter = meter;
    const { random = seededRandom(clock.nowMs()), onDrift } = options;
    const graph = this.#graph;
    this.#idle = new IdleWork({ graph, state: this.#state, clock, logger, meter, random, onDrift });
  }

  async prepare(session: SqlSession): Promise<void> {
    if (this.#graph.ordered.length === 0) return;
    const tables = new LiveTables(session, {
      graph: this.#graph,
      catalog: this.#catalog,
      logger: this.#logger,
    });
    const prepared = await inTransaction(session, async () => {
      await session.run(`create schema if not exists ${quoteName(this.#catalog)}.meta`);
      await this.#state.create(session);
      const planned = await tables.prepare(await this.#state.unseen(session, this.#sources));
      await this.#state.reset(session);
      for (const { plan, isBuilt } of planned) {
        if (isBuilt) await this.#state.restartAudit(session, this.#graph.sourcesOf(plan.model));
      }
      return planned;
    });
    const [graph, sources, clock, meter] = [this.#graph, this.#sources, this.#clock, this.#meter];
    const models = new LiveModelSet(prepared, { graph, sources, clock, meter });
    await models.measureDensities(session);
    this.#models = models;
    this.#idle.start(models, tables);
  }

  async refresh(session: SqlSession, changes: readonly RawChange[]): Promise<RefreshReport> {
    if (this.#graph.ordered.length === 0) return { changedTables: [], modelsMs: {} };
    if (this.#models === undefined) throw fail('MODELS_NOT_PREPARED');
    const step = await this.#state.step(session);
    const report = await this.#models.refresh(session, changes, step);
    await this.#state.advance(session, step, changes);
    this.#idle.noteChanges([...report.changedTables, ...this.#arrived(changes, step)]);
    return report;
  }

  async idle(session: SqlSession): Promise<RefreshReport | undefined> {
    if (this.#models === undefined) return undefined;
    return this.#idle.run(session);
  }

  /** Sources that changed: those with new rows, and the row that says `as_of`. */
  #arrived(changes: readonly RawChange[], { since, until }: AsOfStep): string[] {
    const arrived = this.#sources.filter(({ relation }) =>
      changes.some(({ table }) => table === relation.name),
    );
    const asOf = since === until ? [] : this.#asOf;
    return [...arrived, ...asOf].map(({ relation }) => relationKey(relation));
  }

  describePlan(): readonly PlannedModel[] {
    return this.#models === undefined ? [] : describePlan(this.#models.plans);
  }
}
