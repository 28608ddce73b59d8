import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { seededRandom } from '@millrace/core/base';
import { parseManifest, type Manifest } from '@millrace/core/models';
import { VirtualClock } from '@millrace/testkit/clock';
import { dbtCommand, needs } from '@millrace/testkit/engines';
import { EventHistory, ModelTrial, storefrontTables } from '@millrace/testkit/models';
import { compileModels, findDbt, manifestStaleness, runDbt, type DbtCommand } from './index.ts';

const projectFolder = join(import.meta.dirname, '../../../../examples/storefront/models');
const located = dbtCommand();
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-dbt-'));
});
after(async () => rm(folder, { recursive: true, force: true }));

/** Real dbt, or undefined after the test was skipped with the reason. */
async function dbtOr(t: TestContext): Promise<DbtCommand | undefined> {
  if ('absent' in located) {
    t.skip(located.absent);
    return undefined;
  }
  const command = await findDbt({ ...process.env, MILLRACE_DBT: located.path });
  if (command === undefined) t.skip(needs('the Python of dbt'));
  return command;
}

/** A copy of the database file, of which dbt is then the only user. */
async function copyOf(trial: ModelTrial, { file, name }: { file: string; name: string }): Promise<string> {
  await trial.session.run('checkpoint');
  const copy = join(folder, name, 'millrace.duckdb');
  await cp(file, copy);
  return copy;
}

async function differencesFrom(trial: ModelTrial, manifest: Manifest, copy: string): Promise<string[]> {
  await trial.session.run(`attach '${copy}' as made_by_dbt (read_only)`);
  const found: string[] = [];
  for (const { relation } of manifest.models) {
    const name = `${relation.schema}.${relation.name}`;
    const count = await trial.countDifferences(`made_by_dbt.${name}`, `millrace.${name}`);
    if (count > 0) found.push(`${name}: ${count} rows`);
  }
  await trial.session.run('detach made_by_dbt');
  return found;
}

const variants = [
  { name: 'as shipped', repeats: false },
  { name: 'where events are sent again, moved to other users, other days and away', repeats: true },
];

for (const [index, { name, repeats }] of variants.entries()) {
  test(`live tables equal those that dbt builds, and its tests pass: ${name}`, async (t) => {
    const command = await dbtOr(t);
    if (command === undefined) return;
    const shipped = parseManifest(await readFile(join(projectFolder, 'compiled/manifest.json'), 'utf8'));
    const sources = shipped.sources.map((source) => ({
      ...source,
      live: { ...source.live, uniqueBy: undefined },
    }));
    const manifest = repeats ? { ...shipped, sources } : shipped;
    const file = join(folder, `live-${index}`, 'millrace.duckdb');
    await cp(projectFolder, join(folder, `live-${index}`, 'project'), { recursive: true });
    await using trial = await ModelTrial.open({
      manifest,
      tables: storefrontTables,
      clock: new VirtualClock(),
      file,
    });
    const seed = 11 + index;
    const history = new EventHistory({ random: seededRandom(seed), repeats, missingTimes: false });
    for (let cut = 1; cut <= 2; cut++) {
      for (let step = 0; step < 25; step++) {
        const { rows, asOf } = history.next();
        await trial.load(rows, asOf);
      }
      const runs: readonly (readonly string[])[] =
        cut === 1 ? [['--full-refresh']] : [['--full-refresh'], []];
      for (const args of runs) {
        const name = `copy-${index}-${cut}${args.join('')}`;
        const copy = await copyOf(trial, { file, name });
        const targetFolder = join(dirname(copy), 'target');
        const options = { command, projectFolder, warehouseFile: copy, targetFolder };
        const output = await runDbt(['build', ...args], options);
        assert.match(output, /PASS=40 WARN=0 ERROR=0 SKIP=0/);
        const context = `seed ${seed}, cut ${cut}, dbt build ${args.join(' ')}`;
        assert.deepEqual(await differencesFrom(trial, manifest, copy), [], context);
      }
    }
    const [rows] = await trial.session.rows('select count(*) from staging.stg_events');
    t.diagnostic(`seed ${seed}, ${String(rows?.[0])} rows in staging`);
    assert.ok(Number(rows?.[0]) > 100);
  });
}

test('the shipped manifest is what dbt compiles from the models, byte for byte, wherever it does', async (t) => {
  const command = await dbtOr(t);
  if (command === undefined) return;
  const copy = join(folder, 'compile', 'elsewhere');
  await cp(projectFolder, copy, { recursive: true });
  const shipped = await readFile(join(projectFolder, 'compiled/manifest.json'), 'utf8');
  await rm(join(copy, 'compiled'), { recursive: true });
  const { path, modelCount } = await compileModels({
    projectFolder: copy,
    tables: storefrontTables,
    command,
  });
  assert.equal(modelCount, 8);
  assert.equal(await readFile(path, 'utf8'), shipped);
  assert.deepEqual(await manifestStaleness(copy), { stale: false, warning: undefined });
});

test('freshness of the sources is checked by dbt', async (t) => {
  const command = await dbtOr(t);
  if (command === undefined) return;
  const file = join(folder, 'fresh', 'millrace.duckdb');
  await cp(projectFolder, join(folder, 'fresh', 'project'), { recursive: true });
  const manifest = parseManifest(await readFile(join(projectFolder, 'compiled/manifest.json'), 'utf8'));
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '');
  {
    await using trial = await ModelTrial.open({
      manifest,
      tables: storefrontTables,
      clock: new VirtualClock(),
      file,
    });
    await trial.load([{ event_id: 'a', event_type: 'search', event_timestamp: now, user_id: 'u' }], now);
    await trial.session.run('checkpoint');
  }
  const options = {
    command,
    projectFolder,
    warehouseFile: file,
    targetFolder: join(folder, 'fresh', 'target'),
  };
  assert.match(await runDbt(['source', 'freshness'], options), /PASS freshness of raw\.raw_events/);
});

test('a model that dbt refuses is told with the last lines of its output', async (t) => {
  const command = await dbtOr(t);
  if (command === undefined) return;
  const copy = join(folder, 'broken');
  await cp(projectFolder, copy, { recursive: true });
  await writeFile(join(copy, 'marts/fct_hourly.sql'), "select * from {{ ref('nowhere') }}");
  await assert.rejects(compileModels({ projectFolder: copy, tables: storefrontTables, command }), {
    code: 'DBT_FAILED',
    message: /nowhere/,
  });
});
