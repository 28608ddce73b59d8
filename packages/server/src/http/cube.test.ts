/** Clients over the public server, through Cube, down to DuckDB: the same figures as plain SQL. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import cube from '@cubejs-client/core';
import fastify, { type FastifyInstance } from 'fastify';
import { CubeSemanticLayer } from '@millrace/adapters/cube';
import { openDuckdbWarehouse, type DuckdbWarehouse } from '@millrace/adapters/duckdb';
import { seededRandom, silentLogger, silentMeter } from '@millrace/core/base';
import { TableVersions } from '@millrace/core/warehouse';
import { machineClock, semanticCacheFolder } from '@millrace/testkit/semantic';
import { PartitionLog, SHOP_TABLE, shopEvent } from '@millrace/testkit/warehouse';
import { cubeRoutes, type CubeServer } from './cube.ts';

const model = `
cubes:
  - name: events
    sql_table: raw.raw_events
    measures:
      - { name: total_events, type: count }
      - { name: unique_users, sql: user_id, type: count_distinct }
      - { name: events_per_user, sql: "1.0 * {total_events} / nullif({unique_users}, 0)", type: number }
      - { name: revenue, sql: amount, type: sum }
    dimensions:
      - { name: event_date, sql: event_timestamp, type: time }
      - { name: user_id, sql: user_id, type: string }
      - { name: event_type, sql: event_type, type: string }
`;
const seed = Number(process.env['SEED'] ?? 20_261_123);
const random = seededRandom(seed);
let folder: string;
let warehouse: DuckdbWarehouse;
let layer: CubeSemanticLayer;
let app: FastifyInstance;
let url: string;
let loadedAtMs = 1_790_000_000_000;
const log = new PartitionLog('events', 0);

async function loadEvents(count: number): Promise<void> {
  const from = log.nextOffset;
  log.append(Array.from({ length: count }, (_, index) => shopEvent(from + index, random)));
  loadedAtMs += 1_000;
  await warehouse.load([log.part(from)], loadedAtMs);
}

async function listen(server: CubeServer): Promise<{ app: FastifyInstance; url: string }> {
  const listening = fastify();
  await listening.register(cubeRoutes, { cube: server, waitMs: 20_000 });
  const address = await listening.listen({ port: 0, host: '127.0.0.1' });
  return { app: listening, url: `${address}/cubejs-api` };
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cube-'));
  await mkdir(join(folder, 'semantic'));
  await writeFile(join(folder, 'semantic/events.yml'), model);
  warehouse = await openDuckdbWarehouse({ folder: join(folder, 'warehouse') });
  await warehouse.defineTables([SHOP_TABLE]);
  await loadEvents(3_000);
  layer = new CubeSemanticLayer({
    modelFolder: join(folder, 'semantic'),
    auth: { mode: 'open' },
    cacheFolder: semanticCacheFolder,
    openQueryPort: () => warehouse.connectPort(),
    tableVersions: TableVersions.from(warehouse.sharedVersions),
    clock: machineClock,
    logger: silentLogger,
    meter: silentMeter,
  });
  ({ app, url } = await listen(layer));
});

after(async () => {
  await app.close();
  await layer.close();
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

async function sqlRows(sql: string): Promise<unknown[][]> {
  const { columns } = await warehouse.query(sql);
  return (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]));
}

const byType = {
  measures: ['events.total_events', 'events.unique_users', 'events.events_per_user', 'events.revenue'],
  dimensions: ['events.event_type'],
  order: { 'events.event_type': 'asc' as const },
};
const byTypeSql = `
  select event_type, count(*), count(distinct user_id), 1.0 * count(*) / count(distinct user_id),
         sum(amount)::double
    from raw.raw_events group by 1 order by 1`;

test('a request waits for a layer that is starting, and the official client gets the figures of SQL', async () => {
  const api = cube('', { apiUrl: `${url}/v1` });
  const result = await api.load(byType, { castNumerics: true });
  const members = ['events.event_type', ...byType.measures];
  const rows = result.rawData().map((row) => members.map((member) => row[member]));
  assert.deepEqual(rows, await sqlRows(byTypeSql), `seed ${seed}`);
  assert.equal(
    result.serialize().loadResponse.results[0]?.lastRefreshTime,
    new Date(loadedAtMs).toISOString(),
  );
  const series = await api.load({
    measures: ['events.unique_users'],
    timeDimensions: [{ dimension: 'events.event_date', granularity: 'hour' }],
  });
  assert.deepEqual(
    series.series()[0]?.series.map(({ x, value }) => [x, value]),
    await sqlRows(
      `select strftime(date_trunc('hour', event_timestamp), '%Y-%m-%dT%H:%M:%S.%g'), count(distinct user_id)
         from raw.raw_events group by 1 order by 1`,
    ),
  );
});

test('new events are in the next answer', async () => {
  const api = cube('', { apiUrl: `${url}/v1` });
  for (let round = 0; round < 20; round++) {
    await loadEvents(100);
    const total = await api.load({ measures: ['events.total_events'] }, { castNumerics: true });
    assert.equal(total.rawData()[0]?.['events.total_events'], log.nextOffset);
  }
});

test('GraphQL gets the figures of SQL', async () => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: `{ cube { events(orderBy: {event_type: asc}) {
        event_type total_events unique_users events_per_user revenue } } }`,
    }),
  });
  const { data } = (await response.json()) as { data: { cube: { events: Record<string, unknown> }[] } };
  const rows = data.cube.map(({ events }) => [
    events['event_type'],
    events['total_events'],
    events['unique_users'],
    events['events_per_user'],
    events['revenue'],
  ]);
  assert.deepEqual(rows, await sqlRows(byTypeSql));
});

test('WebSocket: a push for new events', async () => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/`);
  const counts: string[] = [];
  let wake = () => {};
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as { message?: { data: Record<string, string>[] } };
    const count = message.message?.data[0]?.['events.total_events'];
    if (count !== undefined) counts.push(count);
    wake();
  });
  await new Promise((resolve) => socket.addEventListener('open', resolve));
  socket.send(JSON.stringify({ authorization: 'none' }));
  const params = { query: { measures: ['events.total_events'] } };
  socket.send(JSON.stringify({ messageId: '1', method: 'subscribe', params }));
  const until = async (count: number) => {
    while (counts.at(-1) !== String(count)) await new Promise<void>((resolve) => (wake = resolve));
  };
  await until(log.nextOffset);
  await loadEvents(7);
  await until(log.nextOffset);
  socket.close();
});

test('a long query goes as POST, a broken one comes back as Cube’s error', async () => {
  const values = Array.from({ length: 400 }, (_, index) => `user ${index}`);
  const filters = [{ member: 'events.user_id', operator: 'equals' as const, values: [...values, 'u1'] }];
  const api = cube('', { apiUrl: `${url}/v1` });
  const result = await api.load({ measures: ['events.total_events'], filters }, { castNumerics: true });
  const [[expected] = []] = await sqlRows(`select count(*) from raw.raw_events where user_id = 'u1'`);
  assert.equal(result.rawData()[0]?.['events.total_events'], expected);
  await assert.rejects(api.load({ measures: ['events.none'] }), /'none' not found/);
});

test('without a layer the answer is 503, soon', async () => {
  const gone: CubeServer = {
    state: { status: 'failed', reason: 'semantic/secret.yml: no' },
    socketPath: undefined,
    onStateChange: () => () => {},
  };
  const listening = await listen(gone);
  const response = await fetch(`${listening.url}/v1/meta`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '1');
  assert.deepEqual(await response.json(), { error: 'The semantic layer is not available.' });
  await listening.app.close();
  const dead: CubeServer = {
    state: { status: 'ready' },
    socketPath: undefined,
    onStateChange: () => () => {},
  };
  const beside = await listen(dead);
  assert.equal((await fetch(`${beside.url}/v1/meta`)).status, 503);
  await beside.app.close();
});
