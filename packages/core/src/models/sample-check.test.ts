import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import {
  EventHistory,
  ModelTrial,
  storefrontTables,
  workshopModels,
  workshopSources,
  writeManifest,
} from '@millrace/testkit/models';
import { seededRandom, silentLogger } from '../base/index.ts';
import { buildGraph } from './graph.ts';
import { LiveTables } from './live-tables.ts';
import { parseManifest, type Manifest } from './manifest.ts';
import type { KeyedPlan } from './plan.ts';
import { checkSample } from './sample-check.ts';

const storefront = join(import.meta.dirname, '../../../../examples/storefront/models/compiled/manifest.json');

async function openLoaded(manifest: Manifest): Promise<{ trial: ModelTrial; plans: KeyedPlan[] }> {
  const setUp = "create table raw.regions as select 'DE' as country, 'EU' as region";
  const trial = await ModelTrial.open({
    manifest,
    tables: storefrontTables,
    clock: new VirtualClock(),
    setUp,
  });
  const history = new EventHistory({ random: seededRandom(5), repeats: false });
  for (let step = 0; step < 15; step++) {
    const { rows, asOf } = history.next();
    await trial.load(rows, asOf);
  }
  const options = { graph: buildGraph(manifest), catalog: 'millrace', logger: silentLogger };
  const prepared = await new LiveTables(trial.session, options).prepare(new Set());
  return { trial, plans: prepared.flatMap(({ plan }) => (plan.runs === 'keyed' ? [plan] : [])) };
}

/** With the full SQL from outside, and as over a long history. */
const modes = [{}, { shortHistoryRows: 0 }];

test('samples of right tables find nothing, over short histories and long ones', async () => {
  const manifests = [
    parseManifest(await readFile(storefront, 'utf8')),
    writeManifest(workshopModels, workshopSources(true)),
  ];
  for (const manifest of manifests) {
    const { trial, plans } = await openLoaded(manifest);
    await using session = trial.session;
    const random = seededRandom(1);
    for (const plan of plans) {
      for (const mode of modes) {
        let count = 0;
        for (let i = 0; i < 8; i++) {
          const result = await checkSample(session, { plan, random, ...mode });
          assert.equal(result.differenceCount, 0, `${plan.model.name} where ${result.where}`);
          count += result.count;
        }
        const isCompared =
          mode.shortHistoryRows === undefined ||
          plan.strategy === 'append' ||
          plan.parents.every(({ timeKeys }) => timeKeys.some(Boolean));
        assert.ok(count > 0 || !isCompared, `${plan.model.name} was compared`);
      }
    }
  }
});

test('a staging model passes its event time on; one that changes it is not compared by it', async () => {
  const { trial, plans } = await openLoaded(parseManifest(await readFile(storefront, 'utf8')));
  await using session = trial.session;
  assert.ok(session);
  assert.equal(plans.find(({ model }) => model.name === 'stg_events')?.timeColumn, 'event_timestamp');
  const changed = {
    ...workshopModels,
    staged: {
      ...workshopModels['staged'],
      sql:
        workshopModels['staged']?.sql.replace(
          'event_timestamp, user_id',
          "date_trunc('hour', event_timestamp) as event_timestamp, user_id",
        ) ?? '',
    },
  };
  const other = await openLoaded(writeManifest({ staged: changed.staged }, workshopSources(true)));
  try {
    assert.deepEqual(
      other.plans.map(({ strategy, timeColumn }) => [strategy, timeColumn]),
      [['append', undefined]],
    );
  } finally {
    await other.trial[Symbol.asyncDispose]();
  }
});

const damages: readonly (readonly [model: string, sql: string])[] = [
  ['stg_events', "update staging.stg_events set amount = 0.01 where event_type = 'purchase'"],
  ['stg_events', 'delete from staging.stg_events where rowid % 4 = 0'],
  ['stg_events', 'insert into staging.stg_events select * from staging.stg_events where rowid % 4 = 0'],
  ['fct_hourly', 'update marts.fct_hourly set total_events = total_events + 1'],
  ['fct_user_daily', 'delete from marts.fct_user_daily where rowid % 2 = 0'],
  ['fct_product_daily', 'insert into marts.fct_product_daily select * from marts.fct_product_daily'],
];

test('samples find what is wrong, over short histories and long ones', async () => {
  const manifest = parseManifest(await readFile(storefront, 'utf8'));
  const { trial, plans } = await openLoaded(manifest);
  await using session = trial.session;
  const random = seededRandom(2);
  for (const [name, sql] of damages) {
    const plan = plans.find(({ model }) => model.name === name);
    assert.ok(plan);
    await session.run('begin');
    await session.run(sql);
    for (const mode of modes) {
      let found = 0;
      for (let i = 0; i < 60 && found === 0; i++)
        found = (await checkSample(session, { plan, random, ...mode })).differenceCount;
      assert.ok(found > 0, `${sql} ${JSON.stringify(mode)}`);
    }
    await session.run('rollback');
  }
});
