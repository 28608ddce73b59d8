import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetaReport } from 'millrace/wire';
import { cubeOf, explorationOf, queriesOf, searchOf, tileYaml, type Exploration } from './explore-query.ts';

const member = (name: string, type = 'string') => ({ name, title: name, type });
const meta: MetaReport = {
  status: { state: 'ready' },
  cubes: [
    {
      name: 'orders',
      title: 'Orders',
      measures: [member('orders.count', 'number'), member('orders.revenue', 'number')],
      dimensions: [member('orders.country')],
      times: [member('orders.at', 'time')],
    },
    {
      name: 'stock',
      title: 'Stock',
      measures: [member('stock.items')],
      dimensions: [member('stock.shop')],
      times: [],
    },
  ],
};
const explore = (search: string) => explorationOf(search, meta) as Exploration;
const queries = (exploration: Exploration) => queriesOf(exploration, cubeOf(meta, exploration.metric));

test('an address says what is explored; what it does not say has a first choice', () => {
  const first = explore('');
  assert.deepEqual([first.metric, first.by, first.range, first.grain], ['orders.count', '', '7d', 'day']);
  const search =
    '?metric=orders.revenue&by=orders.country&range=24h&compare=yes&filter=orders.country&is=notEquals&value=DE';
  const asked = explore(search);
  assert.deepEqual(explore(searchOf(asked)), asked);
  assert.equal(asked.grain, 'hour');
});

test('what the address names and there is not, is left out', () => {
  const odd = explore('?metric=gone.count&by=stock.shop&range=ever&grain=eon&filter=gone.x&is=odd');
  assert.deepEqual(odd, explore(''));
  assert.equal(explorationOf('', { ...meta, cubes: [] }), undefined);
});

test('total, course, slices and the time before', () => {
  const { total, totalBefore, series, seriesBefore, slices, timeColumn } = queries(
    explore('?metric=orders.revenue&by=orders.country&range=day&compare=yes'),
  );
  const base = { source: 'metrics', measures: ['orders.revenue'] };
  assert.deepEqual(total, { ...base, timeDimensions: [{ dimension: 'orders.at', dateRange: 'today' }] });
  assert.deepEqual(totalBefore, {
    ...base,
    timeDimensions: [{ dimension: 'orders.at', dateRange: 'yesterday' }],
  });
  const timeDimensions = [{ dimension: 'orders.at', dateRange: 'today', granularity: 'hour' }];
  assert.deepEqual(series, { ...base, dimensions: ['orders.country'], timeDimensions });
  assert.equal(seriesBefore, undefined, 'slices of two times at once would be too much to read');
  assert.deepEqual(slices?.['order'], [['orders.revenue', 'desc']]);
  assert.equal(timeColumn, 'orders.at.hour');
});

test('a filter without a value filters nothing; a cube without time has no course', () => {
  assert.equal(queries(explore('?metric=orders.count&filter=orders.country')).total['filters'], undefined);
  const stock = queries(explore('?metric=stock.items&by=stock.shop&compare=yes'));
  assert.deepEqual(stock.total, { source: 'metrics', measures: ['stock.items'] });
  assert.deepEqual([stock.series, stock.totalBefore], [undefined, undefined]);
});

test('the tile to paste says the same query', () => {
  const exploration = explore('?metric=orders.revenue&by=orders.country&filter=orders.country&value=no');
  assert.equal(
    tileYaml('Revenue: all', queries(exploration), exploration),
    `  - title: "Revenue: all"
    kind: series
    time: orders.at.day
    values: [orders.revenue]
    by: orders.country
    shape: bars
    query:
      source: metrics
      measures: [orders.revenue]
      filters: [{ member: orders.country, operator: equals, values: ["no"] }]
      dimensions: [orders.country]
      timeDimensions: [{ dimension: orders.at, dateRange: from 6 days ago to now, granularity: day }]`,
  );
});
