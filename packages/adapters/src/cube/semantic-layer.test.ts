/** The layer over a real DuckDB: figures equal plain SQL, by every way of asking; death, states, limits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import cube from '@cubejs-client/core';
import { isMillraceError } from '@millrace/core/base';
import type { MetricQuery } from '@millrace/core/semantic';
import {
  ChannelWarehouse,
  CubeSocket,
  openLayerHarness,
  type CubeMessage,
  type LayerHarness,
} from '@millrace/testkit/semantic';
import { CubeSemanticLayer, type CubeSemanticLayerOptions } from './semantic-layer.ts';

const model = `
cubes:
  - name: orders
    sql_table: marts.orders
    joins:
      - { name: customers, relationship: many_to_one, sql: "{CUBE}.customer_id = {customers.id}" }
    measures:
      - { name: count, type: count }
      - { name: customers_seen, sql: customer_id, type: count_distinct }
      - { name: amount, sql: amount, type: sum }
      - { name: ratio, sql: ratio, type: avg }
      - { name: biggest, sql: big, type: max }
      - { name: per_customer, sql: "1.0 * {count} / nullif({customers_seen}, 0)", type: number }
      - { name: paid, type: count, filters: [{ sql: "{CUBE}.status = 'paid'" }] }
      - { name: running, sql: amount, type: sum, rolling_window: { trailing: unbounded } }
      - { name: last_3_days, sql: customer_id, type: count_distinct, rolling_window: { trailing: 3 day } }
      - { name: of_all, sql: "{count}", type: sum, multi_stage: true, group_by: [] }
    dimensions:
      - { name: id, sql: id, type: number, primary_key: true, public: true }
      - { name: status, sql: status, type: string }
      - { name: express, sql: express, type: boolean }
      - { name: created_at, sql: created_at, type: time }
      - { name: created_on, sql: cast(created_on as timestamp), type: time }
    segments:
      - { name: late, sql: "{CUBE}.status = 'late'" }
  - name: customers
    sql_table: marts.customers
    measures: [{ name: count, type: count }]
    dimensions:
      - { name: id, sql: id, type: number, primary_key: true }
      - { name: country, sql: country, type: string }
views:
  - name: sales
    cubes:
      - { join_path: orders, includes: [count, amount, status] }
      - { join_path: orders.customers, includes: [country] }
`;

const setup = `
  create schema marts;
  create table marts.orders as
    select i as id, i % 37 as customer_id, ['open', 'paid', 'late'][1 + i % 3] as status, i % 2 = 0 as express,
           (i * 1.25)::decimal(18, 4) as amount, i / 7 as ratio, 9007199254740991::bigint + i as big,
           timestamp '2026-03-20 00:00:00' + interval (i * 997) second as created_at,
           (timestamp '2026-03-20 00:00:00' + interval (i * 997) second)::date as created_on
      from range(2000) t(i);
  insert into marts.orders
    values (9000, 1, 'edge', true, 1, 1, 1, timestamp '2026-03-31 23:59:59.999999', date '2026-03-31');
  create table marts.customers as select i as id, ['DE', 'US', 'JP'][1 + i % 3] as country from range(40) t(i)`;

let warehouse: ChannelWarehouse;
let opened: LayerHarness<CubeSemanticLayer>;
let url: string;

function open(options: Partial<CubeSemanticLayerOptions> = {}): Promise<LayerHarness<CubeSemanticLayer>> {
  return openLayerHarness({
    warehouse,
    models: { 'orders.yml': model },
    create: (setting) => new CubeSemanticLayer({ ...setting, auth: { mode: 'open' }, ...options }),
  });
}

before(async () => {
  warehouse = await ChannelWarehouse.open(setup, ['marts.orders', 'marts.customers']);
  opened = await open();
  assert.equal(opened.layer.state.status, 'starting');
  await assert.rejects(opened.layer.load({ measures: ['orders.count'] }, {}), { code: 'SEMANTIC_STARTING' });
  await opened.until(({ status }) => status === 'ready');
  url = await opened.listen();
});

after(async () => {
  await opened.close();
  warehouse.close();
});

const march = ['2026-03-21', '2026-03-31'];
const pairs: [MetricQuery, string][] = [
  [
    { measures: ['orders.count', 'orders.customers_seen', 'orders.per_customer', 'orders.paid'] },
    `select count(*), count(distinct customer_id), 1.0 * count(*) / count(distinct customer_id),
            count(*) filter (status = 'paid') from marts.orders`,
  ],
  [
    { measures: ['orders.amount'], dimensions: ['orders.status'], order: { 'orders.status': 'asc' } },
    'select status, sum(amount)::double from marts.orders group by 1 order by 1',
  ],
  [
    { measures: ['orders.count'], dimensions: ['orders.express'], order: [['orders.express', 'desc']] },
    'select express, count(*) from marts.orders group by 1 order by 1 desc',
  ],
  [
    {
      measures: ['orders.count', 'orders.ratio'],
      timeDimensions: [{ dimension: 'orders.created_at', granularity: 'day', dateRange: march }],
    },
    `select strftime(date_trunc('day', created_at), '%Y-%m-%dT%H:%M:%S.%g'), count(*), avg(ratio) from marts.orders
      where created_at >= '2026-03-21' and created_at < '2026-04-01' group by 1 order by 1`,
  ],
  [
    {
      measures: ['orders.count'],
      timeDimensions: [{ dimension: 'orders.created_at', granularity: 'day', dateRange: march }],
      timezone: 'America/New_York',
    },
    `select strftime(date_trunc('day', timezone('America/New_York', timezone('UTC', created_at))), '%Y-%m-%dT%H:%M:%S.%g'),
            count(*) from marts.orders
      where created_at >= '2026-03-21 04:00' and created_at < '2026-04-01 04:00' group by 1 order by 1`,
  ],
  [
    {
      measures: ['orders.count'],
      timeDimensions: [{ dimension: 'orders.created_on', granularity: 'week', dateRange: march }],
    },
    `select strftime(date_trunc('week', created_on), '%Y-%m-%dT%H:%M:%S.%g'), count(*) from marts.orders
      where created_on between '2026-03-21' and '2026-03-31' group by 1 order by 1`,
  ],
  [
    {
      measures: ['orders.count'],
      dimensions: ['customers.country'],
      filters: [
        {
          or: [
            { member: 'orders.status', operator: 'equals', values: ['paid'] },
            { member: 'orders.id', operator: 'lt', values: ['100'] },
          ],
        },
      ],
      order: { 'customers.country': 'asc' },
    },
    `select country, count(*) from marts.orders o join marts.customers c on c.id = o.customer_id
      where status = 'paid' or o.id < 100 group by 1 order by 1`,
  ],
  [
    { measures: ['orders.count'], segments: ['orders.late'] },
    `select count(*) from marts.orders where status = 'late'`,
  ],
  [
    {
      measures: ['sales.amount'],
      dimensions: ['sales.country'],
      order: { 'sales.amount': 'desc' },
      limit: 2,
    },
    `select country, sum(amount)::double from marts.orders o join marts.customers c on c.id = o.customer_id
      group by 1 order by 2 desc limit 2`,
  ],
  [
    {
      measures: ['orders.count'],
      filters: [{ member: 'orders.count', operator: 'gt', values: ['660'] }],
      dimensions: ['orders.status'],
      order: { 'orders.status': 'asc' },
    },
    'select status, count(*) from marts.orders group by 1 having count(*) > 660 order by 1',
  ],
  [
    {
      measures: ['orders.running', 'orders.last_3_days'],
      timeDimensions: [{ dimension: 'orders.created_at', granularity: 'day', dateRange: march }],
    },
    `select strftime(day, '%Y-%m-%dT%H:%M:%S.%g'),
            (select sum(amount)::double from marts.orders where created_at < day + interval 1 day),
            (select count(distinct customer_id) from marts.orders
              where created_at >= day - interval 2 day and created_at < day + interval 1 day)
       from range(timestamp '2026-03-21', timestamp '2026-04-01', interval 1 day) d(day) order by 1`,
  ],
  [
    {
      measures: ['orders.count', 'orders.of_all'],
      dimensions: ['orders.status'],
      order: { 'orders.status': 'asc' },
    },
    'select status, count(*), sum(count(*)) over () ::integer from marts.orders group by 1 order by 1',
  ],
  // 9007199254740991 is the last integer that a number holds; larger ones stay text.
  [{ measures: ['orders.biggest'] }, 'select max(big)::varchar from marts.orders'],
  [
    {
      measures: ['orders.count'],
      filters: [{ member: 'orders.status', operator: 'equals', values: ['none'] }],
      dimensions: ['orders.status'],
    },
    `select status, count(*) from marts.orders where false group by 1`,
  ],
];

test('figures equal plain SQL', async () => {
  for (const [query, sql] of pairs) {
    const { members, rows } = await opened.layer.load(query, {});
    assert.deepEqual(rows, await warehouse.rows(sql), JSON.stringify(query));
    assert.ok(rows.every((row) => row.length === members.length));
  }
});

test('the official client gets the same figures', async () => {
  const api = cube('none', { apiUrl: `${url}/v1` });
  for (const [query] of pairs) {
    const { members, rows } = await opened.layer.load(query, {});
    const result = await api.load(query as never, { castNumerics: true });
    const seen = result.rawData().map((row) => members.map((member) => row[member]));
    // It casts beyond 2^53 as well, and rounds.
    if (query.measures?.[0] === 'orders.biggest') assert.equal(String(seen[0]?.[0]), '9007199254742990');
    else assert.deepEqual(seen, rows, JSON.stringify(query));
  }
  const series = await api.load(pairs[3]?.[0] as never);
  assert.equal(series.series()[0]?.series.length, 11);
  const meta = await api.meta();
  assert.deepEqual(meta.cubes.map(({ name }) => name).toSorted(), ['customers', 'orders', 'sales']);
});

test('GraphQL gets the same figures', async () => {
  const body = JSON.stringify({
    query: `{ cube(where: {orders: {status: {notEquals: "edge"}}}) {
      orders(orderBy: {status: asc}) { status count amount created_at { month } } } }`,
  });
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const { data } = (await response.json()) as { data: { cube: { orders: Record<string, unknown> }[] } };
  const rows = data.cube.map(({ orders }) => {
    const { month } = orders['created_at'] as { month: string };
    return [orders['status'], orders['count'], orders['amount'], month.slice(0, 10)];
  });
  const expected = await warehouse.rows(
    `select status, count(*), sum(amount)::double, strftime(date_trunc('month', created_at), '%Y-%m-%d')
       from marts.orders where status <> 'edge' group by 1, 4 order by 1`,
  );
  assert.deepEqual(rows.map(String).toSorted(), expected.map(String).toSorted());
});

test('WebSocket: an answer, and a push when the data changed', async () => {
  const socket = await CubeSocket.open(url);
  socket.send({ authorization: 'none' });
  await socket.next((message) => message['handshake'] === true);
  const countOf = (message: CubeMessage) => {
    const { data } = message['message'] as { data: Record<string, string>[] };
    return data[0]?.['customers.count'];
  };
  assert.equal(countOf(await socket.ask('1', 'subscribe', { measures: ['customers.count'] })), '40');
  await warehouse.change(`insert into marts.customers values (99, 'FR')`, 'marts.customers');
  assert.equal(countOf(await socket.next((message) => message['messageId'] === '1')), '41');
  const refused = await socket.ask('2', 'load', { measures: ['customers.none'] });
  assert.equal(refused['status'], 400);
  socket.close();
});

test('names the tables of a query', async () => {
  const tables = async (query: MetricQuery) => [...(await opened.layer.tablesOf(query))].toSorted();
  assert.deepEqual(await tables({ measures: ['orders.count'] }), ['marts.orders']);
  assert.deepEqual(await tables({ measures: ['sales.count'], dimensions: ['sales.country'] }), [
    'marts.customers',
    'marts.orders',
  ]);
});

test('a wrong query is refused as input, a broken table as transient', async () => {
  const codeOf = async (query: MetricQuery) => {
    try {
      await opened.layer.load(query, {});
    } catch (error) {
      assert.ok(isMillraceError(error));
      return `${error.code} ${error.kind}`;
    }
  };
  assert.equal(await codeOf({ measures: ['orders.none'] }), 'SEMANTIC_QUERY_REFUSED input');
  assert.equal(
    await codeOf({ measures: ['orders.count'], timezone: 'Mars' }),
    'SEMANTIC_QUERY_REFUSED input',
  );
  await warehouse.change('alter table marts.customers rename to elsewhere');
  assert.equal(await codeOf({ dimensions: ['customers.country'] }), 'WAREHOUSE_QUERY_INVALID input');
  await warehouse.change('alter table marts.elsewhere rename to customers');
  assert.equal(await codeOf({ dimensions: ['customers.country'] }), undefined);
});

test('keeps answers within its bytes', async () => {
  const bounded = await open({ cacheBytesMax: 20_000 });
  await bounded.until(({ status }) => status === 'ready');
  const count = (limit: number) => bounded.layer.load({ dimensions: ['orders.id'], limit }, {});
  for (let limit = 1; limit <= 60; limit++) await count(limit);
  const before = warehouse.queries.length;
  await count(60);
  assert.equal(warehouse.queries.length, before, 'the newest is kept');
  await count(20);
  assert.equal(warehouse.queries.length, before + 1, 'an old one was dropped');
  await bounded.close();
});

test('the thread tried no network, no name look-up and no process', () => {
  assert.deepEqual(
    opened.log.filter(({ level }) => level === 'error'),
    [],
  );
});

test('a thread that died is started again, and who waited is told', async () => {
  const held = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  warehouse.before = async () => {
    entered.resolve();
    await held.promise;
  };
  const waiting = opened.layer.load({ measures: ['orders.count'], limit: 3 }, {});
  await entered.promise;
  const died = assert.rejects(waiting, { code: 'CUBE_THREAD_DIED', kind: 'transient' });
  warehouse.poison();
  await died;
  warehouse.before = () => {};
  held.resolve();
  await opened.until(({ status }) => status === 'starting');
  await opened.until(({ status }) => status === 'ready');
  const { rows } = await opened.layer.load({ measures: ['orders.count'] }, {});
  assert.deepEqual(rows, [[2001]]);
});

test('closing ends the thread and refuses', async () => {
  const closing = await open();
  await closing.until(({ status }) => status === 'ready');
  await closing.close();
  await assert.rejects(closing.layer.load({ measures: ['orders.count'] }, {}), { code: 'SEMANTIC_CLOSED' });
});
