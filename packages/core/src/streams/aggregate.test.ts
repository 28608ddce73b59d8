import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  defineTopology,
  Serdes,
  TopologyTestDriver,
  type StreamsBuilder,
  Windowed,
  windowedSerde,
} from './index.ts';

function drive(build: (builder: StreamsBuilder) => void): TopologyTestDriver {
  return new TopologyTestDriver(defineTopology('app', build));
}

test('count, reduce and aggregate: one update a record, null keys and values left out', () => {
  const driver = drive((builder) => {
    const group = builder.stream<string, number>('in').groupByKey();
    group.count({ store: 'counts' }).toStream().to('counts-out');
    group
      .reduce((sum, value) => sum + value, { store: 'sums' })
      .toStream()
      .to('sums-out');
    group
      .aggregate(
        () => [] as readonly number[],
        (list, value) => [...list, value],
        { store: 'lists' },
      )
      .toStream()
      .to('lists-out');
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1, 10);
  input.pipe('b', 5, 20);
  input.pipe('a', 2, 5);
  input.pipe(null, 9, 30);
  input.pipe('a', null, 40);
  const counts = driver.createOutputTopic('counts-out').readRecords();
  assert.deepEqual(
    counts.map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    // A row carries the latest time of its records.
    [
      ['a', 1, 10],
      ['b', 1, 20],
      ['a', 2, 10],
    ],
  );
  assert.deepEqual(driver.createOutputTopic('sums-out').readKeyValues(), [
    ['a', 1],
    ['b', 5],
    ['a', 3],
  ]);
  assert.deepEqual(driver.createOutputTopic('lists-out').readValues(), [[1], [5], [1, 2]]);
  assert.deepEqual(driver.stores.read('lists', {}), [
    { key: 'a', value: [1, 2] },
    { key: 'b', value: [5] },
  ]);
  assert.equal(driver.droppedCount('null_key_or_value'), 6);
  assert.equal(driver.stores.streamTimeMs('counts'), 40);
});

test('an aggregate of null deletes the row, and the next record begins anew', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .aggregate<number, number | null>(
        () => 0,
        (sum, value) => (sum + value === 0 ? null : sum + value),
        { store: 'sums' },
      )
      .toStream()
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 2);
  input.pipe('a', -2);
  assert.deepEqual(driver.stores.read('sums', {}), []);
  input.pipe('a', 7);
  assert.deepEqual(driver.createOutputTopic('out').readValues(), [2, null, 7]);
  assert.deepEqual(driver.stores.read('sums', {}), [{ key: 'a', value: 7 }]);
});

test('a changed key is repartitioned once for all aggregates of a group', () => {
  const topology = defineTopology('shop', (builder) => {
    const byCity = builder
      .stream<string, { city: string | null; n: number }>('in')
      .groupBy((value) => value.city, { name: 'by-city' });
    byCity.count({ store: 'count' });
    byCity.aggregate(
      () => 0,
      (sum, { n }) => sum + n,
      { store: 'sum' },
    );
  });
  assert.deepEqual(
    topology.graph.repartitionTopics.map(({ topic }) => topic),
    ['shop-by-city-repartition'],
  );
  const driver = new TopologyTestDriver(topology);
  const input = driver.createInputTopic('in');
  input.pipe('x', { city: 'Bonn', n: 2 });
  input.pipe('y', { city: 'Bonn', n: 3 });
  input.pipe('y', { city: null, n: 3 });
  assert.deepEqual(driver.stores.read('sum', {}), [{ key: 'Bonn', value: 5 }]);
  assert.deepEqual(driver.stores.read('count', {}), [{ key: 'Bonn', value: 2 }]);
  assert.equal(driver.droppedCount('null_key'), 1);
});

test('event time, null values and headers survive a repartition topic', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number | null>('in')
      .selectKey(() => 'k')
      .repartition({ name: 'all' })
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1, 77);
  input.pipe('a', null, 78);
  const records = driver.createOutputTopic('out').readRecords();
  assert.deepEqual(
    records.map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    [
      ['k', 1, 77],
      ['k', null, 78],
    ],
  );
});

test('tumbling windows: aligned to the epoch, start inclusive, end exclusive', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .windowedBy({ sizeMs: 10, graceMs: 100 })
      .count({ store: 'counts' })
      .toStream()
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  for (const timeMs of [0, 9, 10, 19, 20, 5]) input.pipe('a', 1, timeMs);
  const output = driver.createOutputTopic('out', { keySerde: windowedSerde(Serdes.string, 10) });
  assert.deepEqual(output.readKeyValues(), [
    [new Windowed('a', 0, 10), 1],
    [new Windowed('a', 0, 10), 2],
    [new Windowed('a', 10, 20), 1],
    [new Windowed('a', 10, 20), 2],
    [new Windowed('a', 20, 30), 1],
    [new Windowed('a', 0, 10), 3],
  ]);
  assert.deepEqual(driver.stores.read('counts', { sinceMs: 10 }), [
    { key: 'a', windowStartMs: 20, windowEndMs: 30, value: 1 },
    { key: 'a', windowStartMs: 10, windowEndMs: 20, value: 2 },
  ]);
});

test('late records: a window takes them until stream time reaches its end plus grace', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .windowedBy({ sizeMs: 10, graceMs: 5 })
      .count({ store: 'counts', retentionMs: 1000 });
  });
  const input = driver.createInputTopic<string, number>('in');
  const countAt = (startMs: number) => {
    const rows = driver.stores.read('counts', { sinceMs: startMs, untilMs: startMs + 1, key: 'a' });
    return rows[0]?.value;
  };
  input.pipe('a', 1, 3);
  input.pipe('other', 1, 14);
  input.pipe('a', 1, 9);
  assert.equal(countAt(0), 2, 'stream time 14 is below 10 + 5');
  input.pipe('other', 1, 15);
  input.pipe('a', 1, 9);
  assert.equal(countAt(0), 2, 'stream time 15 closes the window');
  assert.equal(driver.droppedCount('late'), 1);
  input.pipe('a', 1, 10);
  assert.equal(countAt(10), 1, 'the next window is open');
});

test('a null key does not move stream time', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .windowedBy({ sizeMs: 10, graceMs: 0 })
      .count({ store: 'counts' });
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1, 5);
  input.pipe(null, 1, 500);
  input.pipe('a', 1, 6);
  assert.deepEqual(
    driver.stores.read('counts', {}).map(({ value }) => value),
    [2],
  );
});

test('hopping windows: a record may be late for one window and not for the next', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .windowedBy({ sizeMs: 10, advanceMs: 5, graceMs: 0 })
      .count({ store: 'counts', retentionMs: 1000 });
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1, 7);
  input.pipe('b', 1, 12);
  input.pipe('a', 1, 8);
  const rows = driver.stores.read('counts', { key: 'a' });
  assert.deepEqual(
    rows.map(({ windowStartMs, value }) => [windowStartMs, value]),
    [
      [5, 2],
      [0, 1],
    ],
  );
  assert.equal(driver.droppedCount('late'), 1);
});

test('windows expire by stream time once nobody can reach or wants to see them', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .windowedBy({ sizeMs: 10, graceMs: 0 })
      .count({ store: 'counts', retentionMs: 30 });
  });
  const input = driver.createInputTopic<string, number>('in');
  for (const timeMs of [5, 15, 25, 35, 45]) input.pipe('a', 1, timeMs);
  assert.deepEqual(
    driver.stores.read('counts', {}).map(({ windowStartMs }) => windowStartMs),
    [40, 30, 20],
  );
});

test('windowed reduce and aggregate', () => {
  const driver = drive((builder) => {
    const windowed = builder.stream<string, number>('in').groupByKey().windowedBy({ sizeMs: 10, graceMs: 0 });
    windowed.reduce((one, other) => Math.max(one, other), { store: 'max' });
    windowed.aggregate(
      () => '',
      (text, value, key) => `${text}${key}${value}`,
      { store: 'texts' },
    );
  });
  const input = driver.createInputTopic<string, number>('in');
  for (const value of [3, 9, 4]) input.pipe('a', value, value);
  assert.deepEqual(
    driver.stores.read('max', {}).map(({ value }) => value),
    [9],
  );
  assert.deepEqual(
    driver.stores.read('texts', {}).map(({ value }) => value),
    ['a3a9a4'],
  );
});

test('an aggregator that changes its aggregate in place fails', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .groupByKey()
      .aggregate(
        () => ({ list: [] as number[] }),
        (aggregate, value) => {
          aggregate.list.push(value);
          return aggregate;
        },
        { store: 'lists' },
      );
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1);
  input.pipe('a', 2);
  assert.deepEqual(driver.stores.read('lists', {}), [{ key: 'a', value: { list: [1] } }]);
  assert.match(driver.readDeadLetters()[0]!.message, /not extensible/);
});

test('rows are read in order: newest windows first, then by key, up to the limit', () => {
  const driver = drive((builder) => {
    const group = builder.stream<string, number>('in').groupByKey();
    group.windowedBy({ sizeMs: 10, graceMs: 0 }).count({ store: 'windows', retentionMs: 100 });
    group.count({ store: 'keys' });
  });
  const input = driver.createInputTopic<string, number>('in');
  for (const [key, timeMs] of [
    ['c', 1],
    ['a', 2],
    ['b', 3],
    ['b', 11],
    ['a', 12],
  ] as const)
    input.pipe(key, 1, timeMs);
  const keysOf = (store: string, limit: number) => driver.stores.read(store, { limit }).map(({ key }) => key);
  assert.deepEqual(keysOf('windows', 4), ['a', 'b', 'a', 'b']);
  assert.deepEqual(keysOf('keys', 2), ['a', 'b']);
  for (let i = 0; i < 5000; i++) input.pipe(`k${String((i * 7919) % 5000).padStart(4, '0')}`, 1, 20);
  assert.deepEqual(keysOf('keys', 4), ['a', 'b', 'c', 'k0000']);
  assert.throws(() => driver.stores.read('none', {}), { code: 'STREAMS_NO_SUCH_STORE' });
});
