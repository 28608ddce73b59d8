import { type Random, seededRandom, silentLogger } from '@millrace/core/base';
import { parseManifest, type Manifest } from '@millrace/core/models';
import { VirtualClock } from '../clock/index.ts';
import { EventHistory, type HistoryStep } from './event-history.ts';
import { ModelTrial } from './model-trial.ts';
import { storefrontTables } from './storefront-tables.ts';
import { workshopModels, workshopSources, writeManifest } from './workshop.ts';

export interface LiveProofOptions {
  readonly seed: number;
  readonly steps: number;
  /** The text of the storefront's compiled manifest, or the workshop's models. */
  readonly project: { readonly storefront: string } | 'workshop';
  /** Whether events are sent again, changed or not. The source then declares no ids. */
  readonly repeats: boolean;
}

export interface LiveProof {
  /** What differed, with the step; empty when live tables equalled the full SQL after every step. */
  readonly differences: readonly string[];
  readonly rows: number;
  readonly rollbacks: number;
  readonly restarts: number;
}

/** Differences that are told before the proof gives up. */
const DIFFERENCES_MAX = 5;

/**
 * Loads a seeded history step by step and compares all live tables with their full SQL after each: row for row, both
 * ways. On the way refreshes are rolled back in the middle and repeated, the refresher starts anew, and idle work runs.
 * A storefront's staging is also made by dbt's incremental SQL, as dbt would run it at each step.
 */
export async function proveLiveModels({
  seed,
  steps,
  project,
  repeats,
}: LiveProofOptions): Promise<LiveProof> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const manifest = project === 'workshop' ? workshop(repeats) : storefront(project.storefront, repeats);
  await using trial = await ModelTrial.open({
    manifest,
    tables: storefrontTables,
    clock,
    logger: silentLogger,
    setUp: `create table raw.regions as select * from (values ('DE', 'EU'), ('US', 'NA')) as v(country, region)`,
  });
  const incremental = await IncrementalRuns.open(trial, manifest);
  const history = new EventHistory({ random, repeats });
  const differences: string[] = [];
  const proof = { rows: 0, rollbacks: 0, restarts: 0 };
  for (let step = 1; step <= steps && differences.length < DIFFERENCES_MAX; step++) {
    const next = history.next();
    if (chance(random, 0.1)) {
      await rollBack(trial, next);
      proof.rollbacks++;
    }
    await trial.load(next.rows, next.asOf);
    proof.rows += next.rows.length;
    if (chance(random, 0.05)) {
      await trial.restart();
      proof.restarts++;
    }
    await clock.advance(10_000);
    for (let i = 0; i < 4; i++) await trial.models.idle(trial.session, clock.nowMs());
    const found = [...(await trial.differences()), ...(await incremental.run())];
    differences.push(...found.map((difference) => `step ${step}: ${difference}`));
    differences.push(
      ...trial.drifts.splice(0).map(({ model }) => `step ${step}: ${model} was found to have drifted`),
    );
  }
  return { differences, ...proof };
}

/** The load fails after all models were refreshed: as if the process had died just before the commit. */
async function rollBack(trial: ModelTrial, { rows, asOf }: HistoryStep): Promise<void> {
  await trial.session.run('begin');
  await trial.loadOpen(rows, asOf);
  await trial.session.run('rollback');
}

function workshop(repeats: boolean): Manifest {
  return writeManifest(workshopModels, workshopSources(!repeats));
}

/** With repeats, the source is declared as one that never promised unique ids. */
function storefront(text: string, repeats: boolean): Manifest {
  const manifest = parseManifest(text);
  if (!repeats) return manifest;
  const sources = manifest.sources.map((source) => ({
    ...source,
    live: { ...source.live, uniqueBy: undefined },
  }));
  return { ...manifest, sources };
}

function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

/** Incremental models as dbt itself runs them, `delete+insert`, in tables of their own. */
class IncrementalRuns {
  readonly #trial: ModelTrial;
  readonly #models: readonly {
    readonly name: string;
    readonly sql: string;
    readonly full: string;
    readonly key: string;
  }[];

  private constructor(trial: ModelTrial, manifest: Manifest) {
    this.#trial = trial;
    this.#models = manifest.models.flatMap(({ name, sql, incrementalSql, relation, uniqueKey }) => {
      if (sql === undefined || incrementalSql === undefined) return [];
      const own = `"${relation.catalog}"."${relation.schema}"."${relation.name}"`;
      return [
        { name, full: sql, sql: incrementalSql.replaceAll(own, `by_dbt.${name}`), key: uniqueKey.join(', ') },
      ];
    });
  }

  static async open(trial: ModelTrial, manifest: Manifest): Promise<IncrementalRuns> {
    const runs = new IncrementalRuns(trial, manifest);
    await trial.session.run('create schema by_dbt');
    for (const { name, full } of runs.#models) {
      await trial.session.run(`create table by_dbt.${name} as select * from (${full}\n) limit 0`);
    }
    return runs;
  }

  /** Runs all; returns what differs from a full refresh. */
  async run(): Promise<string[]> {
    const different: string[] = [];
    for (const { name, sql, full, key } of this.#models) {
      await this.#trial.session.run(`create or replace temp table of_this_run as ${sql};
        delete from by_dbt.${name} where (${key}) in (select (${key}) from of_this_run);
        insert into by_dbt.${name} by name from of_this_run`);
      const count = await this.#trial.countDifferences(`(${full}\n)`, `by_dbt.${name}`);
      if (count > 0) different.push(`${name} by dbt's incremental run: ${count} rows`);
    }
    return different;
  }
}
