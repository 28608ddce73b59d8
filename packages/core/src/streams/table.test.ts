import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineTopology, TopologyTestDriver, type StreamsBuilder } from './index.ts';

function drive(build: (builder: StreamsBuilder) => void): TopologyTestDriver {
  return new TopologyTestDriver(defineTopology('app', build));
}

interface User {
  readonly name: string;
}

test('a join meets the row of now; deletions, missing rows, null keys and null values', () => {
  const driver = drive((builder) => {
    const users = builder.table<string, User>('users', { store: 'users' });
    const clicks = builder.stream<string, number>('clicks');
    clicks.join(users, (click, user) => `${user.name}${click}`).to('inner');
    clicks.leftJoin(users, (click, user, key) => `${user?.name ?? '-'}${click}${key}`).to('left');
  });
  const users = driver.createInputTopic<string, User>('users');
  const clicks = driver.createInputTopic<string, number>('clicks');
  clicks.pipe('a', 1);
  users.pipe('a', { name: 'Ann' });
  clicks.pipe('a', 2);
  users.pipe('a', { name: 'Anna' });
  clicks.pipe('a', 3);
  users.pipe('a', null);
  clicks.pipe('a', 4);
  clicks.pipe(null, 5);
  clicks.pipe('a', null);
  users.pipe(null, { name: 'nobody' });
  assert.deepEqual(driver.createOutputTopic('inner').readValues(), ['Ann2', 'Anna3']);
  assert.deepEqual(driver.createOutputTopic('left').readValues(), [
    '-1a',
    'Ann2a',
    'Anna3a',
    '-4a',
    '-5null',
  ]);
  assert.deepEqual(driver.stores.read('users', {}), []);
  assert.equal(driver.droppedCount('null_key'), 1);
});

test('a join after a changed key goes through a repartition topic', () => {
  const topology = defineTopology('app', (builder) => {
    const products = builder.table<string, User>('products');
    builder
      .stream<string, { product: string | null }>('views')
      .selectKey(({ product }) => product)
      .leftJoin(products, (_view, product) => product?.name ?? 'unknown', { name: 'with-product' })
      .to('out');
  });
  assert.deepEqual(
    topology.graph.repartitionTopics.map(({ topic }) => topic),
    ['app-with-product-repartition'],
  );
  const driver = new TopologyTestDriver(topology);
  driver.createInputTopic('products').pipe('p', { name: 'Pen' });
  const views = driver.createInputTopic('views');
  views.pipe('u', { product: 'p' });
  views.pipe('u', { product: 'q' });
  views.pipe('u', { product: null });
  assert.deepEqual(driver.createOutputTopic('out').readKeyValues(), [
    ['p', 'Pen'],
    ['q', 'unknown'],
    [null, 'unknown'],
  ]);
});

test('table filter and mapValues: downstream sees deletions, joins look through them', () => {
  const driver = drive((builder) => {
    const adults = builder
      .table<string, { age: number }>('people')
      .filter(({ age }) => age >= 18)
      .mapValues(({ age }, key) => `${key} is ${age}`);
    adults.toStream().to('changes');
    builder
      .stream<string, number>('visits')
      .join(adults, (_visit, text) => text)
      .to('out');
  });
  const people = driver.createInputTopic('people');
  const visits = driver.createInputTopic('visits');
  people.pipe('a', { age: 30 });
  people.pipe('b', { age: 3 });
  visits.pipe('a', 1);
  visits.pipe('b', 1);
  people.pipe('a', { age: 7 });
  visits.pipe('a', 1);
  assert.deepEqual(driver.createOutputTopic('changes').readKeyValues(), [
    ['a', 'a is 30'],
    ['b', null],
    ['a', null],
  ]);
  assert.deepEqual(driver.createOutputTopic('out').readValues(), ['a is 30']);
});

test('toTable, and a table made by an aggregation, can be joined with', () => {
  const driver = drive((builder) => {
    const prices = builder
      .stream<string, { product: string; price: number }>('prices')
      .selectKey(({ product }) => product)
      .mapValues(({ price }) => price)
      .toTable({ store: 'prices' });
    const sold = builder
      .stream<string, { product: string }>('sales')
      .groupBy(({ product }) => product, { name: 'sales-by-product' })
      .count({ store: 'sold' });
    builder
      .stream<string, string>('views')
      .join(prices, (view, price) => `${view}:${price}`)
      .leftJoin(sold, (view, count) => `${view}:${count ?? 0}`)
      .to('out');
  });
  driver.createInputTopic('prices').pipe('x', { product: 'p', price: 5 });
  const views = driver.createInputTopic('views');
  views.pipe('p', 'v1');
  driver.createInputTopic('sales').pipe('x', { product: 'p' });
  views.pipe('p', 'v2');
  assert.deepEqual(driver.createOutputTopic('out').readValues(), ['v1:5:0', 'v2:5:1']);
});

test('an update of a table is seen by the very next record, not by the one before it', () => {
  const driver = drive((builder) => {
    const events = builder.stream<string, number>('in');
    const latest = events.toTable({ store: 'latest' });
    events.leftJoin(latest, (value, row) => [value, row]).to('after');
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1);
  input.pipe('a', 2);
  // The table was declared first, so that it is updated first.
  assert.deepEqual(driver.createOutputTopic('after').readValues(), [
    [1, 1],
    [2, 2],
  ]);
});
