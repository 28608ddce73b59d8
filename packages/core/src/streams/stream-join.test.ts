import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  defineTopology,
  Serdes,
  TopologyTestDriver,
  type JoinWindows,
  type StreamsBuilder,
} from './index.ts';
import { JoinWindowStore } from './join-window-store.ts';

function drive(build: (builder: StreamsBuilder) => void): TopologyTestDriver {
  return new TopologyTestDriver(defineTopology('app', build));
}

function joined(windows: JoinWindows): TopologyTestDriver {
  return drive((builder) => {
    const clicks = builder.stream<string | null, string>('clicks');
    const buys = builder.stream<string | null, string>('buys');
    clicks.join(buys, (click, buy, key) => `${key}:${click}+${buy}`, { name: 'pairs', windows }).to('out');
  });
}

test('pairs within the windows, both bounds inclusive, stamped with the later time', () => {
  const driver = joined({ beforeMs: 10, afterMs: 5, graceMs: 100 });
  const clicks = driver.createInputTopic<string, string>('clicks');
  const buys = driver.createInputTopic<string, string>('buys');
  clicks.pipe('a', 'c100', 100);
  for (const timeMs of [89, 90, 105, 106]) buys.pipe('a', `b${timeMs}`, timeMs);
  buys.pipe('other', 'b100', 100);
  clicks.pipe('a', 'again', 100);
  const records = driver.createOutputTopic<string, string>('out').readRecords();
  assert.deepEqual(
    records.map(({ value, timestampMs }) => [value, timestampMs]),
    [
      ['a:c100+b90', 100],
      ['a:c100+b105', 105],
      ['a:again+b90', 100],
      ['a:again+b105', 105],
    ],
  );
});

test('records without key or value are left out and counted', () => {
  const driver = joined({ beforeMs: 1, afterMs: 1, graceMs: 0 });
  const clicks = driver.createInputTopic<string, string>('clicks');
  clicks.pipe(null, 'x', 1);
  clicks.pipe('a', null, 1);
  assert.equal(driver.droppedCount('null_key_or_value'), 2);
});

test('a joiner that throws dead-letters its record; asynchronous joiners keep the order', async () => {
  const driver = drive((builder) => {
    const left = builder.stream<string, number>('left');
    const right = builder.stream<string, number>('right');
    const windows = { beforeMs: 10, afterMs: 10, graceMs: 0 };
    left
      .join(
        right,
        async (one, other) => {
          if (one + other === 0) throw new Error('nothing left');
          await Promise.resolve();
          return one + other;
        },
        { windows },
      )
      .to('out');
  });
  const left = driver.createInputTopic<string, number>('left');
  const right = driver.createInputTopic<string, number>('right');
  await left.pipeAsync('a', 1, 1);
  await left.pipeAsync('a', 2, 2);
  await right.pipeAsync('a', 10, 3);
  await right.pipeAsync('a', -2, 4);
  assert.deepEqual(driver.createOutputTopic('out').readValues(), [11, 12]);
  assert.deepEqual(
    driver.readDeadLetters().map(({ message }) => message),
    ['nothing left'],
  );
});

test('changed keys are repartitioned on both sides, by the serdes of each', () => {
  const driver = drive((builder) => {
    const left = builder.stream<string, { user: string }>('left').selectKey(({ user }) => user);
    const right = builder.stream<string, string>('right', { valueSerde: Serdes.string });
    const byUser = right.selectKey((value) => value.slice(0, 1));
    const windows = { beforeMs: 10, afterMs: 10, graceMs: 0 };
    const options = { name: 'j', windows, otherValueSerde: Serdes.string };
    left.join(byUser, ({ user }, text) => `${user}-${text}`, options).to('out');
  });
  driver.createInputTopic('left').pipe('1', { user: 'u' }, 1);
  driver.createInputTopic('right', { valueSerde: Serdes.string }).pipe('2', 'u!', 2);
  assert.deepEqual(driver.createOutputTopic('out').readKeyValues(), [['u', 'u-u!']]);
});

test('windows that cannot be are refused', () => {
  for (const windows of [
    { beforeMs: 1.5, afterMs: 0, graceMs: 0 },
    { beforeMs: 1, afterMs: -2, graceMs: 0 },
    { beforeMs: 1, afterMs: 1, graceMs: -1 },
  ]) {
    assert.throws(() => joined(windows), { code: 'STREAMS_BAD_OPTION' });
  }
});

test('all pairs, and each once, in whatever order the records come', () => {
  const record = fc.record({
    isLeft: fc.boolean(),
    key: fc.constantFrom('a', 'b'),
    timestampMs: fc.nat({ max: 60 }),
  });
  const bounds = fc.record({ beforeMs: fc.nat({ max: 20 }), afterMs: fc.nat({ max: 20 }) });
  const property = fc.property(
    fc.array(record, { maxLength: 40 }),
    bounds,
    (records, { beforeMs, afterMs }) => {
      const driver = joined({ beforeMs, afterMs, graceMs: 1_000 });
      const clicks = driver.createInputTopic<string, string>('clicks');
      const buys = driver.createInputTopic<string, string>('buys');
      records.forEach(({ isLeft, key, timestampMs }, i) => {
        (isLeft ? clicks : buys).pipe(key, `${i}`, timestampMs);
      });
      const expected = records.flatMap((one, i) =>
        records.flatMap((other, j) => {
          const distanceMs = other.timestampMs - one.timestampMs;
          const meets =
            one.isLeft &&
            !other.isLeft &&
            one.key === other.key &&
            distanceMs >= -beforeMs &&
            distanceMs <= afterMs;
          return meets ? [`${one.key}:${i}+${j}`] : [];
        }),
      );
      const values = driver.createOutputTopic<string, string>('out').readValues();
      assert.deepEqual(new Set(values), new Set(expected));
      assert.equal(values.length, expected.length);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test('the store of a side: restored from its changelog it shows the same; what is past retention goes', () => {
  const options = { name: 's', keySerde: Serdes.string, valueSerde: Serdes.json(), retentionMs: 100 };
  const store = new JoinWindowStore(options);
  const copy = new JoinWindowStore(options);
  for (const [value, timeMs] of [
    [1, 50],
    [2, 50],
    [3, 20],
    [4, 120],
  ] as const)
    store.put('a', value, timeMs);
  const changes = store.capture((key, value) => copy.restore(key, value), 0);
  store.confirm(changes!);
  copy.restored();
  const valuesOf = (each: JoinWindowStore) => each.range('a', 0, 1_000).map(({ value }) => value);
  assert.deepEqual(valuesOf(store), [[1, 2], [4]]);
  assert.deepEqual(valuesOf(copy), valuesOf(store));
  store.put('a', 5, 20);
  assert.deepEqual(valuesOf(store), [[1, 2], [4]]);
  store.put('a', 6, 1_000);
  store.confirm(store.capture(() => {}, 0)!);
  assert.equal(store.entryCount, 1);
});

test('split: the first branch that wants a record gets it, the rest is the default', async () => {
  const isText = (value: string | number): value is string => typeof value === 'string';
  const driver = drive((builder) => {
    const values = builder.stream<string, string | number>('in');
    const {
      text,
      large,
      default: rest,
    } = values.split({
      text: isText,
      large: async (value) => (await Promise.resolve(value as number)) > 10,
    });
    text.mapValues((value) => value.toUpperCase()).to('text');
    large.to('large');
    rest.to('rest');
  });
  const input = driver.createInputTopic<string, string | number>('in');
  for (const value of ['a', 1, 11, 'b', 2]) await input.pipeAsync('k', value);
  assert.deepEqual(driver.createOutputTopic('text').readValues(), ['A', 'B']);
  assert.deepEqual(driver.createOutputTopic('large').readValues(), [11]);
  assert.deepEqual(driver.createOutputTopic('rest').readValues(), [1, 2]);
  for (const name of ['default', '1']) {
    const build = (builder: StreamsBuilder) => void builder.stream('in').split({ [name]: () => true });
    assert.throws(() => drive(build), { code: 'STREAMS_BAD_OPTION' });
  }
});

test('forEach ends the stream', () => {
  const seen: unknown[] = [];
  const driver = drive((builder) => {
    builder.stream<string, number>('in').forEach((value, key) => void seen.push([key, value]));
  });
  driver.createInputTopic<string, number>('in').pipe('a', 1);
  assert.deepEqual(seen, [['a', 1]]);
});

test('repartition leaves records without key out, unless a left join comes after', () => {
  const driver = drive((builder) => {
    const numbers = builder.stream<string | null, number>('in');
    numbers.repartition({ name: 'plain' }).to('plain');
    const table = builder.table<string, number>('table');
    const repartitioned = numbers.repartition({ name: 'joined' }).mapValues((value) => value + 1);
    repartitioned.leftJoin(table, (value) => value).to('joined');
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe(null, 1);
  input.pipe('a', 2);
  assert.deepEqual(driver.createOutputTopic('plain').readKeyValues(), [['a', 2]]);
  assert.deepEqual(driver.createOutputTopic('joined').readKeyValues(), [
    [null, 2],
    ['a', 3],
  ]);
});
