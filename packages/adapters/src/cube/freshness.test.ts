/** No answer is older than its question, whatever runs at the same time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { seededRandom } from '@millrace/core/base';
import { ChannelWarehouse, openLayerHarness, type LayerHarness } from '@millrace/testkit/semantic';
import { CubeSemanticLayer } from './semantic-layer.ts';

const model = `
cubes:
  - name: ev
    sql_table: marts.ev
    measures: [{ name: count, type: count }]
    dimensions: [{ name: k, sql: k, type: string }]
  - name: other
    sql_table: marts.other
    measures: [{ name: count, type: count }]
`;
const query = { measures: ['ev.count'], dimensions: ['ev.k'] };
const path = `/cubejs-api/v1/load?query=${encodeURIComponent(JSON.stringify(query))}`;

let warehouse: ChannelWarehouse;
let opened: LayerHarness<CubeSemanticLayer>;

before(async () => {
  warehouse = await ChannelWarehouse.open(
    `create schema marts; create table marts.ev as select 'k' as k from range(10);
     create table marts.other as select 1 as x`,
    ['marts.ev', 'marts.other'],
  );
  opened = await openLayerHarness({
    warehouse,
    models: { 'ev.yml': model },
    create: (setting) => new CubeSemanticLayer({ ...setting, auth: { mode: 'open' } }),
  });
  await opened.until(({ status }) => status === 'ready');
});

after(async () => {
  await opened.close();
  warehouse.close();
});

async function countOf(way: 'call' | 'rest'): Promise<number> {
  if (way === 'call') {
    const { rows } = await opened.layer.load(query, {});
    return rows[0]?.[1] as number;
  }
  const { body } = await opened.http(path);
  return Number((body as { data: { 'ev.count': string }[] }).data[0]?.['ev.count']);
}

test('an unchanged table is asked once, a change elsewhere does not count', async () => {
  await countOf('call');
  const asked = warehouse.queries.length;
  await warehouse.change('insert into marts.other values (2)', 'marts.other');
  for (let i = 0; i < 5; i++) assert.equal(await countOf(i % 2 === 0 ? 'call' : 'rest'), 10);
  assert.equal(warehouse.queries.length, asked);
});

// A reads the old data and is held; the data changes; B asks while A runs; C asks after both.
test('race: 400 times, neither B nor C gets the data of before the change', { timeout: 60_000 }, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e6);
  const random = seededRandom(seed);
  let rows = 10;
  let stale = 0;
  for (let round = 0; round < 400; round++) {
    await warehouse.change(`insert into marts.ev values ('k')`, 'marts.ev');
    rows++;
    const entered = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    let isFirst = true;
    const hold = async () => {
      if (!isFirst) return;
      isFirst = false;
      entered.resolve();
      await held.promise;
    };
    // Before or after A's read: after, A has old rows in hand.
    const asked = warehouse.queries.length;
    if (random.next() < 0.3) warehouse.before = hold;
    else warehouse.after = hold;
    const way = () => (random.next() < 0.5 ? 'call' : 'rest');
    const a = countOf(way());
    await entered.promise;
    await warehouse.change(`insert into marts.ev values ('k')`, 'marts.ev');
    rows++;
    // A B that joined A would wait for it here without end.
    const answerB = await countOf(way());
    held.resolve();
    const answerA = await a;
    const answerC = await countOf(way());
    if (answerA < rows - 1 || answerB !== rows || answerC !== rows) stale++;
    if (warehouse.queries.length - asked > 2) assert.fail('C was not answered from the cache');
    warehouse.before = () => {};
    warehouse.after = () => {};
  }
  assert.equal(stale, 0, `seed ${seed}`);
});

test('the watermark is that of the rows, also from the cache', async () => {
  warehouse.setAsOf(1_700_000_000_000);
  await warehouse.change(`insert into marts.ev values ('k')`, 'marts.ev');
  const first = await opened.layer.load(query, {});
  warehouse.setAsOf(1_700_000_001_000);
  const cached = await opened.layer.load(query, {});
  assert.deepEqual([first.watermarkMs, cached.watermarkMs], [1_700_000_000_000, 1_700_000_000_000]);
  await warehouse.change(`insert into marts.ev values ('k')`, 'marts.ev');
  const { watermarkMs } = await opened.layer.load(query, {});
  assert.equal(watermarkMs, 1_700_000_001_000);
  const { body } = await opened.http(path);
  assert.equal(
    (body as { lastRefreshTime: string }).lastRefreshTime,
    new Date(1_700_000_001_000).toISOString(),
  );
});
