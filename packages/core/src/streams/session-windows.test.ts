import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defineTopology, Serdes, sessionWindowedSerde, TopologyTestDriver, Windowed } from './index.ts';
import { SessionStateStore } from './session-store.ts';

function counted(windows: {
  readonly inactivityGapMs: number;
  readonly graceMs: number;
}): TopologyTestDriver {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream<string | null, string>('in')
      .groupByKey()
      .windowedBy(windows)
      .count({ store: 'sessions' })
      .toStream()
      .map((count, { key, startMs, endMs }) => [`${key} ${startMs}-${endMs}`, count])
      .to('out');
  });
  return new TopologyTestDriver(topology);
}

test('a record between two sessions makes them one; the old rows are deleted', () => {
  const driver = counted({ inactivityGapMs: 10, graceMs: 100 });
  const input = driver.createInputTopic<string, string>('in');
  for (const timeMs of [100, 120, 110, 200]) input.pipe('a', 'x', timeMs);
  assert.deepEqual(
    driver
      .createOutputTopic('out')
      .readRecords()
      .map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    [
      ['a 100-100', 1, 100],
      ['a 120-120', 1, 120],
      ['a 100-100', null, 100],
      ['a 120-120', null, 120],
      ['a 100-120', 3, 120],
      ['a 200-200', 1, 200],
    ],
  );
  assert.deepEqual(driver.stores.read('sessions', { key: 'a' }), [
    { key: 'a', windowStartMs: 200, windowEndMs: 200, value: 1 },
    { key: 'a', windowStartMs: 100, windowEndMs: 120, value: 3 },
  ]);
});

test('late is a record whose session ended before stream time less gap and grace; null keys are left out', () => {
  const driver = counted({ inactivityGapMs: 10, graceMs: 5 });
  const input = driver.createInputTopic<string, string>('in');
  for (const timeMs of [100, 85, 84]) input.pipe('a', 'x', timeMs);
  input.pipe(null, 'x', 100);
  assert.equal(driver.droppedCount('late'), 1);
  assert.equal(driver.droppedCount('null_key'), 1);
});

test('sessions equal those of the sorted times, in whatever order records come', () => {
  const gaps = fc.nat({ max: 10 });
  const property = fc.property(fc.array(fc.nat({ max: 80 }), { maxLength: 30 }), gaps, (times, gapMs) => {
    const driver = counted({ inactivityGapMs: gapMs, graceMs: 1_000 });
    const input = driver.createInputTopic<string, string>('in');
    for (const timeMs of times) input.pipe('a', 'x', timeMs);
    const expected: { startMs: number; endMs: number; count: number }[] = [];
    for (const timeMs of times.toSorted((one, other) => one - other)) {
      const last = expected.at(-1);
      if (last === undefined || timeMs - last.endMs > gapMs) {
        expected.push({ startMs: timeMs, endMs: timeMs, count: 1 });
      } else {
        last.endMs = timeMs;
        last.count++;
      }
    }
    const rows = driver.stores.read('sessions', { key: 'a' }).toReversed();
    assert.deepEqual(
      rows.map(({ windowStartMs, windowEndMs, value }) => [windowStartMs, windowEndMs, value]),
      expected.map(({ startMs, endMs, count }) => [startMs, endMs, count]),
    );
  });
  fc.assert(property, { numRuns: 300 });
});

test('reduce, and aggregate with asynchronous functions', async () => {
  const topology = defineTopology('app', (builder) => {
    const sessions = builder
      .stream<string, number>('in')
      .groupByKey()
      .windowedBy({ inactivityGapMs: 10, graceMs: 100 });
    sessions.reduce((one, other) => Math.max(one, other), { store: 'max' });
    sessions.aggregate(
      () => [] as readonly number[],
      async (list, value) => await Promise.resolve([...list, value]),
      async (one, other) => await Promise.resolve([...one, ...other]),
      { store: 'lists' },
    );
  });
  const driver = new TopologyTestDriver(topology);
  const input = driver.createInputTopic<string, number>('in');
  await input.pipeAsync('a', 3, 100);
  await input.pipeAsync('a', 1, 120);
  await input.pipeAsync('a', 2, 110);
  const valuesOf = (store: string) => driver.stores.read(store, {}).map(({ value }) => value);
  assert.deepEqual(valuesOf('max'), [3]);
  assert.deepEqual(valuesOf('lists'), [[3, 1, 2]]);
});

test('the store: restored from its changelog it shows the same; what is past retention is swept', () => {
  const options = { name: 's', keySerde: Serdes.string, valueSerde: Serdes.json(), retentionMs: 100 };
  const store = new SessionStateStore(options);
  const copy = new SessionStateStore(options);
  const commit = () => store.confirm(store.capture((key, value) => copy.restore(key, value), 0)!);
  store.put({ key: 'a', startMs: 10, endMs: 20 }, 1);
  store.put({ key: 'a', startMs: 60, endMs: 90 }, 2);
  store.put({ key: 'b', startMs: 5, endMs: 5 }, 3);
  commit();
  store.write(store.find('b', 0, 10)[0]!, null, 5);
  commit();
  copy.restored();
  const shown = (each: SessionStateStore) => {
    return each.find('a', 0, 1_000).map((row) => [row.windowStartMs, row.timestampMs, row.value]);
  };
  assert.deepEqual(shown(store), [
    [10, 20, 1],
    [60, 90, 2],
  ]);
  assert.deepEqual(shown(copy), shown(store));
  assert.equal(copy.entryCount, 2);
  store.put({ key: 'c', startMs: 150, endMs: 150 }, 4);
  commit();
  assert.deepEqual(shown(store), [[60, 90, 2]]);
  assert.equal(store.entryCount, 2);
});

test('keys of sessions as Kafka Streams writes them; windows that cannot be', () => {
  const serde = sessionWindowedSerde(Serdes.string);
  const bytes = serde.serialize(new Windowed('ab', 1, 2));
  assert.equal(Buffer.from(bytes).toString('hex'), '616200000000000000020000000000000001');
  assert.deepEqual(serde.deserialize(bytes), new Windowed('ab', 1, 2));
  assert.throws(() => counted({ inactivityGapMs: -1, graceMs: 0 }), { code: 'STREAMS_BAD_OPTION' });
});
