/** Model files at work: what is refused, and what a changed file does to a running layer. */
import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  ChannelWarehouse,
  openLayerHarness,
  writeModels,
  type LayerHarness,
} from '@millrace/testkit/semantic';
import { CubeSemanticLayer } from './semantic-layer.ts';

const events = (measures: string) => `
cubes:
  - name: ev
    sql_table: marts.ev
    measures: [${measures}]
    dimensions: [{ name: k, sql: k, type: string }]
`;
const count = '{ name: count, type: count }';
const guarded = `
cubes:
  - name: secret
    sql_table: marts.ev
    measures: [${count}]
    access_policy: [{ group: admin, member_level: { includes: "*" } }]
`;

let warehouse: ChannelWarehouse;

before(async () => {
  warehouse = await ChannelWarehouse.open(
    `create schema marts; create table marts.ev as select 'k' || (i % 2) as k from range(10) t(i)`,
    ['marts.ev'],
  );
});

after(() => warehouse.close());

async function opened(models: Record<string, string>): Promise<LayerHarness<CubeSemanticLayer>> {
  const layer = await openLayerHarness({
    warehouse,
    models,
    create: (setting) => new CubeSemanticLayer({ ...setting, auth: { mode: 'open' }, modelPollMs: 50 }),
  });
  await layer.until(({ status }) => status !== 'starting');
  return layer;
}

const load = async ({ layer }: LayerHarness<CubeSemanticLayer>, measure: string) =>
  (await layer.load({ measures: [measure] }, {})).rows[0]?.[0];

test('a changed file takes effect', async (context) => {
  const layer = await opened({ 'ev.yml': events(count) });
  assert.equal(await load(layer, 'ev.count'), 10);
  await assert.rejects(load(layer, 'ev.twice'), { code: 'SEMANTIC_QUERY_REFUSED' });
  const changed = performance.now();
  const added = `${count}, { name: twice, sql: "2 * {count}", type: number }`;
  await writeFile(join(layer.modelFolder, 'ev.yml'), events(added));
  let figure: unknown;
  while (figure === undefined) figure = await load(layer, 'ev.twice').catch(() => undefined);
  assert.equal(figure, 20);
  context.diagnostic(`took effect after ${Math.round(performance.now() - changed)} ms`);
  // GraphQL too has a new schema, a file in a new folder counts, and one that went is gone.
  const body = { query: '{cube{ev{twice}}}' };
  assert.match(JSON.stringify((await layer.http('/cubejs-api/graphql', { body })).body), /20/);
  await writeModels(layer.modelFolder, { 'deep/more.yaml': events(count).replace('name: ev', 'name: more') });
  while ((await load(layer, 'more.count').catch(() => undefined)) !== 10);
  await rm(join(layer.modelFolder, 'deep'), { recursive: true });
  while ((await load(layer, 'more.count').catch(() => undefined)) !== undefined);
  assert.equal(await load(layer, 'ev.count'), 10);
  await layer.close();
});

test('a broken file leaves the last good models serving and is named, each time it is read', async () => {
  const layer = await opened({ 'ev.yml': events(count), 'good.yml': guarded });
  const broken: [string, RegExp][] = [
    ['cubes:\n  - name: [', /ev\.yml/],
    [events(count).replace('measures', 'mesures'), /^ev\.yml: .*mesures/],
    [events('{ name: count, type: counts }'), /^ev\.yml: .*counts/],
    [events('{ name: count, sql: "{nobody.x}", type: sum }'), /^ev\.yml: nobody/],
    [events(count).replace('marts.ev', '"{{ table }}"'), /^ev\.yml:4: a Jinja expression/],
    [
      `${events(count)}    pre_aggregations: [{ name: main, measures: [count] }]`,
      /^ev\.yml: pre-aggregation `main`/,
    ],
    [
      `${events(count)}views: [{ name: v, cubes: [{ join_path: secret, includes: "*" }] }]`,
      /^ev\.yml: view `v` includes members of cube `secret`/,
    ],
  ];
  for (const [text, reason] of broken) {
    await writeFile(join(layer.modelFolder, 'ev.yml'), text);
    await layer.until((state) => state.reason !== undefined && reason.test(state.reason));
    assert.equal(layer.layer.state.status, 'ready');
    assert.equal(await load(layer, 'ev.count'), 10);
    // The same again: an error must not be reported only once.
    await layer.layer.reloadModels();
    assert.match(layer.layer.state.reason ?? '', reason);
    await writeFile(join(layer.modelFolder, 'ev.yml'), events(count));
    await layer.until((state) => state.reason === undefined);
  }
  await layer.close();
});

test('models that are broken at the start are reported, and a corrected file starts the layer', async () => {
  const layer = await opened({ 'ev.yml': events('{ name: count }') });
  assert.equal(layer.layer.state.status, 'failed');
  assert.match(layer.layer.state.reason ?? '', /ev\.yml/);
  await assert.rejects(load(layer, 'ev.count'), { code: 'SEMANTIC_FAILED', message: /ev\.yml/ });
  await writeFile(join(layer.modelFolder, 'new.txt'), events(count));
  await rename(join(layer.modelFolder, 'new.txt'), join(layer.modelFolder, 'ev.yml'));
  await layer.until(({ status }) => status === 'ready');
  assert.equal(await load(layer, 'ev.count'), 10);
  await layer.close();
});

test('models in JavaScript work, and reach no module', async () => {
  const script = 'cube(`js`, { sql_table: `marts.ev`, measures: { count: { type: `count` } } });';
  const layer = await opened({ 'js.js': script });
  assert.equal(await load(layer, 'js.count'), 10);
  await writeFile(join(layer.modelFolder, 'js.js'), `const fs = require('fs'); ${script}`);
  await layer.until(({ reason }) => reason !== undefined);
  assert.match(layer.layer.state.reason ?? '', /^js\.js: .*fs/);
  assert.equal(await load(layer, 'js.count'), 10);
  await layer.close();
});

test('no models are no mistake', async () => {
  const layer = await opened({});
  assert.deepEqual(layer.layer.state, { status: 'ready' });
  assert.deepEqual(await layer.layer.meta({}), { cubes: [] });
  await layer.close();
});
