import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineTopology, Serdes, TopologyTestDriver, type KStream, type SuppressedOptions } from './index.ts';
import { bufferedUpdateSerde } from './suppress-codec.ts';

type Numbers = KStream<string, number>;

function drive(build: (numbers: Numbers) => void): TopologyTestDriver {
  return new TopologyTestDriver(
    defineTopology('app', (builder) => build(builder.stream<string, number>('in'))),
  );
}

test('one result for each window, once grace is over; in the order of windows, then keys', () => {
  const driver = drive((numbers) => {
    numbers
      .groupByKey()
      .windowedBy({ sizeMs: 10, graceMs: 5 })
      .count()
      .suppress({ until: 'window-closes' })
      .toStream()
      .map((count, { key, startMs }) => [`${key}${startMs}`, count])
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  const output = driver.createOutputTopic('out');
  for (const [key, timeMs] of [
    ['b', 1],
    ['a', 12],
    ['a', 2],
    ['a', 3],
  ] as const)
    input.pipe(key, 0, timeMs);
  assert.deepEqual(output.readKeyValues(), []);
  input.pipe('a', 0, 15);
  assert.deepEqual(
    output.readRecords().map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    [
      ['a0', 2, 3],
      ['b0', 1, 1],
    ],
  );
  input.pipe('a', 0, 1);
  input.pipe('c', 0, 100);
  assert.deepEqual(output.readKeyValues(), [['a10', 2]]);
});

test('sessions that were merged away are left out', () => {
  const driver = drive((numbers) => {
    numbers
      .groupByKey()
      .windowedBy({ inactivityGapMs: 10, graceMs: 0 })
      .count()
      .suppress({ until: 'window-closes' })
      .toStream()
      .map((count, { startMs, endMs }) => [`${startMs}-${endMs}`, count])
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  for (const timeMs of [100, 105, 112, 130]) input.pipe('a', 0, timeMs);
  assert.deepEqual(driver.createOutputTopic('out').readKeyValues(), [['100-112', 3]]);
});

function limited(options: SuppressedOptions): TopologyTestDriver {
  return drive((numbers) => {
    numbers
      .groupByKey()
      .reduce((sum, value) => (value < 0 ? null : sum + value))
      .suppress(options)
      .toStream()
      .to('out');
  });
}

test('a time limit sends the last update of a key, deletions too, counted from the first one held', () => {
  const driver = limited({ until: 'time-limit', timeLimitMs: 10 });
  const input = driver.createInputTopic<string, number>('in');
  const output = driver.createOutputTopic('out');
  for (const [key, value, timeMs] of [
    ['a', 1, 0],
    ['a', 2, 5],
    ['b', 1, 6],
    ['b', -1, 7],
  ] as const) {
    input.pipe(key, value, timeMs);
  }
  assert.deepEqual(output.readKeyValues(), []);
  input.pipe('c', 1, 10);
  assert.deepEqual(output.readKeyValues(), [['a', 3]]);
  input.pipe('c', 1, 16);
  assert.deepEqual(output.readKeyValues(), [['b', null]]);
});

test('a full buffer sends the earliest', () => {
  const driver = limited({ until: 'time-limit', timeLimitMs: 1000, bufferRecordsMax: 2 });
  const input = driver.createInputTopic<string, number>('in');
  for (const [key, timeMs] of [
    ['b', 5],
    ['a', 3],
    ['c', 4],
    ['d', 4],
  ] as const)
    input.pipe(key, 1, timeMs);
  assert.deepEqual(driver.createOutputTopic('out').readKeyValues(), [
    ['a', 1],
    ['c', 1],
  ]);
});

test('options that cannot be', () => {
  assert.throws(() => limited({ until: 'window-closes' }), { code: 'STREAMS_BAD_OPTION' });
  assert.throws(() => limited({ until: 'time-limit', timeLimitMs: -1 }), { code: 'STREAMS_BAD_OPTION' });
});

test('held updates in the changelog: value, null, headers', () => {
  const serde = bufferedUpdateSerde(Serdes.json());
  for (const update of [
    { timeMs: 12, value: { a: 1 }, headers: [] },
    {
      timeMs: 0,
      value: null,
      headers: [
        { key: 'h', value: Buffer.from('x') },
        { key: '', value: Buffer.alloc(0) },
      ],
    },
  ]) {
    assert.deepEqual(serde.deserialize(serde.serialize(update)), update);
  }
});
