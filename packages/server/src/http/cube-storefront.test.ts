/** The storefront's metrics, through dbt's marts and Cube, equal plain SQL over the raw events. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CubeSemanticLayer } from '@millrace/adapters/cube';
import { openDuckdbWarehouse, type DuckdbWarehouse } from '@millrace/adapters/duckdb';
import { seededRandom, silentLogger, silentMeter } from '@millrace/core/base';
import type { MetricQuery } from '@millrace/core/semantic';
import { TableVersions } from '@millrace/core/warehouse';
import { EventHistory, storefrontTables } from '@millrace/testkit/models';
import { machineClock, semanticCacheFolder } from '@millrace/testkit/semantic';
import { PartitionLog } from '@millrace/testkit/warehouse';

const project = join(import.meta.dirname, '../../../../examples/storefront');
const seed = Number(process.env['SEED'] ?? 20_261_123);

let folder: string;
let warehouse: DuckdbWarehouse;
let layer: CubeSemanticLayer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-storefront-'));
  const manifestPath = join(project, 'models/compiled/manifest.json');
  warehouse = await openDuckdbWarehouse({ folder, manifestPath });
  await warehouse.defineTables(storefrontTables);
  layer = new CubeSemanticLayer({
    modelFolder: join(project, 'semantic'),
    auth: { mode: 'open' },
    cacheFolder: semanticCacheFolder,
    openQueryPort: () => warehouse.connectPort(),
    tableVersions: TableVersions.from(warehouse.sharedVersions),
    clock: machineClock,
    logger: silentLogger,
    meter: silentMeter,
  });
  const history = new EventHistory({ random: seededRandom(seed), repeats: false });
  const log = new PartitionLog('events', 0);
  for (let step = 0; step < 15; step++) {
    const { rows, asOf } = history.next();
    const from = log.nextOffset;
    if (rows.length === 0) continue;
    log.append(rows.map(eventOf));
    await warehouse.load([log.part(from)], Date.parse(`${asOf.replace(' ', 'T')}Z`));
  }
  await new Promise<void>((resolve) => {
    const cancel = layer.onStateChange(() => {
      if (layer.state.status === 'starting') return;
      cancel();
      resolve();
    });
    if (layer.state.status !== 'starting') resolve();
  });
  assert.deepEqual(layer.state, { status: 'ready' });
});

after(async () => {
  await layer.close();
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

/** As it came over the wire: fields without a value are not there, times name their zone. */
function eventOf(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
  const time = String(row['event_timestamp']).replace(' ', 'T');
  return { ...Object.fromEntries(fields), event_timestamp: `${time}Z` };
}

const due = 'raw.raw_events where event_timestamp <= (select as_of from raw.as_of)';
const day = `strftime(date_trunc('day', event_timestamp), '%Y-%m-%dT%H:%M:%S.%g')`;
const hour = `strftime(date_trunc('hour', event_timestamp), '%Y-%m-%dT%H:%M:%S.%g')`;
const types = `count(*) filter (event_type = 'product_view'), count(*) filter (event_type = 'add_to_cart'),
  count(*) filter (event_type = 'purchase'),
  coalesce(sum(amount::decimal(18, 2)) filter (event_type = 'purchase'), 0)::double`;

const pairs: [MetricQuery, string][] = [
  [
    {
      measures: ['events.total_events', 'events.unique_users', 'events.events_per_user'],
      timeDimensions: [{ dimension: 'events.event_date', granularity: 'day' }],
    },
    `select ${day}, count(*), count(distinct user_id), 1.0 * count(*) / count(distinct user_id)
       from ${due} and user_id is not null group by 1 order by 1`,
  ],
  [
    {
      measures: ['events.total_events', 'events.unique_users'],
      dimensions: ['events.event_type'],
      order: { 'events.event_type': 'asc' },
    },
    `select event_type, count(*), count(distinct user_id)
       from ${due} and user_id is not null group by 1 order by 1`,
  ],
  [
    {
      measures: ['events.total_events'],
      dimensions: ['events.user_id'],
      segments: ['events.purchases'],
      order: { 'events.user_id': 'asc' },
    },
    `select user_id, count(*) from ${due} and user_id is not null and event_type = 'purchase'
      group by 1 order by 1`,
  ],
  [
    {
      measures: ['hours.total_events', 'hours.revenue'],
      timeDimensions: [{ dimension: 'hours.event_hour', granularity: 'hour' }],
    },
    `select ${hour}, count(*),
            coalesce(sum(amount::decimal(18, 2)) filter (event_type = 'purchase'), 0)::double
       from ${due} group by 1 order by 1`,
  ],
  [
    {
      measures: ['products.views', 'products.carts', 'products.purchases', 'products.revenue'],
      dimensions: ['products.product_id'],
      order: { 'products.product_id': 'asc' },
    },
    `select product_id, ${types} from ${due} and product_id is not null group by 1 order by 1`,
  ],
  [
    { measures: ['users.active_users', 'users.total_events', 'users.events_per_user'] },
    `select count(distinct user_id), count(*), 1.0 * count(*) / count(distinct user_id)
       from ${due} and user_id is not null`,
  ],
  [
    {
      measures: ['funnel.sessions', 'funnel.purchased', 'funnel.conversion'],
      timeDimensions: [{ dimension: 'funnel.activity_date', granularity: 'day' }],
    },
    `select day, count(*), sum(bought)::integer, 1.0 * sum(bought) / count(*)
       from (select ${day} as day, max((event_type = 'purchase')::integer) as bought
               from ${due} and session_id is not null group by session_id, 1)
      group by 1 order by 1`,
  ],
];

test('each cube has the figures of the raw events', async () => {
  for (const [query, sql] of pairs) {
    const { rows, watermarkMs } = await layer.load(query, {});
    const { columns, asOfMs } = await warehouse.query(sql);
    const expected = (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]));
    assert.ok(expected.length > 0);
    assert.deepEqual(rows, expected, `${JSON.stringify(query)}, seed ${seed}`);
    assert.equal(watermarkMs, asOfMs);
  }
});

test('every member answers, and no cube reads raw history', async () => {
  const { cubes } = (await layer.meta({})) as {
    cubes: Record<'measures' | 'dimensions' | 'segments', { name: string }[]>[];
  };
  assert.ok(cubes.length >= 5);
  for (const cube of cubes) {
    const namesOf = (members: { name: string }[]) => members.map(({ name }) => name);
    const query = {
      measures: namesOf(cube.measures),
      dimensions: namesOf(cube.dimensions),
      segments: namesOf(cube.segments),
      limit: 5,
    };
    const { rows } = await layer.load(query, {});
    assert.ok(rows.length > 0, JSON.stringify(query));
    for (const table of await layer.tablesOf(query)) assert.match(table, /^marts\./);
  }
});
