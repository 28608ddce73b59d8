import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineTopology, TopologyTestDriver, type TopologyFailure, type TopologyOptions } from './index.ts';

test('a processor keeps state, forwards several records and closes', () => {
  let closed = 0;
  const topology = defineTopology('app', (builder) => {
    const last = builder.keyValueStore<string, number>('last');
    builder
      .stream<string, number>('in')
      .process<string, number>(
        (context) => {
          const store = context.store(last);
          return {
            process({ key, value }) {
              const before = store.get(key);
              store.put(key, value);
              if (before === undefined) return;
              context.forward(`${key}-difference`, value - before);
              context.forward(`${key}-sum`, value + before, 7);
            },
            close: () => closed++,
          };
        },
        { stores: [last], name: 'differences' },
      )
      .to('out');
  });
  const driver = new TopologyTestDriver(topology);
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', 1, 100);
  input.pipe('a', 4, 200);
  const records = driver.createOutputTopic('out').readRecords();
  assert.deepEqual(
    records.map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    [
      ['a-difference', 3, 200],
      ['a-sum', 5, 7],
    ],
  );
  assert.deepEqual(driver.stores.read('last', {}), [{ key: 'a', value: 4 }]);
  driver.close();
  assert.equal(closed, 1);
});

test('forwards that have to be awaited keep their order', async () => {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream<string, number>('in')
      .processValues<number>((context) => ({
        process({ value }) {
          for (let i = 0; i < value; i++) context.forward(i);
        },
      }))
      .mapValues(async (value, _key, context) => {
        await context.sleep(10 - value);
        return value;
      })
      .to('out');
  });
  const driver = new TopologyTestDriver(topology);
  const done = driver.createInputTopic<string, number>('in').pipeAsync('a', 4);
  for (let i = 0; i < 10; i++) {
    await new Promise(setImmediate);
    driver.advanceWallClock(10);
  }
  await done;
  assert.deepEqual(driver.createOutputTopic('out').readValues(), [0, 1, 2, 3]);
});

test('punctuators are called once when their time passes a multiple of the interval', () => {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream<string, number>('in')
      .process<string, number>((context) => {
        context.schedule(10, 'stream-time', (timeMs) => context.forward('stream', timeMs));
        const cancel = context.schedule(1000, 'wall-clock', (timeMs) => {
          context.forward('wall', timeMs);
          if (timeMs >= 2000) cancel();
        });
        return { process() {} };
      })
      .to('out');
  });
  const driver = new TopologyTestDriver(topology);
  const input = driver.createInputTopic<string, number>('in');
  for (const timeMs of [5, 9, 12, 47, 49, 50]) input.pipe('a', 1, timeMs);
  for (const byMs of [999, 1, 500, 500, 5000]) driver.advanceWallClock(byMs);
  assert.deepEqual(driver.createOutputTopic('out').readKeyValues(), [
    ['stream', 12],
    ['stream', 47],
    ['stream', 50],
    ['wall', 1000],
    ['wall', 2000],
  ]);
});

function failing(options: TopologyOptions): TopologyTestDriver {
  const topology = defineTopology(
    'app',
    (builder) => {
      const numbers = builder.stream<string, number>('in', {
        timestampExtractor: (value) => (value === 13 ? NaN : value),
      });
      numbers
        .mapValues(
          (value) => {
            if (value === 2) throw new Error('no twos');
            return value;
          },
          { name: 'strict' },
        )
        .to('out');
      numbers.to('copy');
    },
    options,
  );
  return new TopologyTestDriver(topology);
}

test('a function that throws: its record is dead-lettered, other branches and records go on', () => {
  const driver = failing({});
  const input = driver.createInputTopic<string, number>('in');
  for (const value of [1, 2, 3, 13]) input.pipe('k', value);
  assert.deepEqual(driver.createOutputTopic('out').readValues(), [1, 3]);
  assert.deepEqual(driver.createOutputTopic('copy').readValues(), [1, 2, 3]);
  assert.deepEqual(driver.readDeadLetters(), [
    { code: 'STREAMS_USER_FUNCTION_FAILED', message: 'no twos', operator: 'strict', topic: 'in', value: '2' },
    {
      code: 'STREAMS_BAD_TIMESTAMP',
      message: "The record's event time is NaN, not a whole number of milliseconds from 0.",
      operator: 'KSTREAM-SOURCE-0000000000',
      topic: 'in',
      value: '13',
    },
  ]);
});

test('onError fail stops at the record and names it', () => {
  const driver = failing({ onError: 'fail' });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('k', 1);
  assert.throws(() => input.pipe('k', 2), {
    code: 'STREAMS_USER_FUNCTION_FAILED',
    message: "Topology 'app', operator 'strict', in-0 offset 1: no twos",
  });
});

test('onError may decide for each failure', () => {
  const failures: TopologyFailure[] = [];
  const driver = failing({
    onError: (failure) => {
      failures.push(failure);
      return 'skip';
    },
  });
  driver.createInputTopic<string, number>('in').pipe('k', 2);
  assert.deepEqual(
    failures.map(({ operator, topic, partition, offset, key, value }) => [
      operator,
      topic,
      partition,
      offset,
      key,
      value,
    ]),
    [['strict', 'in', 0, 0, 'k', 2]],
  );
  assert.deepEqual(driver.readDeadLetters(), []);
});

test('records that are no JSON are dead-lettered with their raw bytes', () => {
  const topology = defineTopology('app', (builder) => builder.stream('in').to('out'));
  const driver = new TopologyTestDriver(topology);
  const raw = driver.createInputTopic('in', {
    valueSerde: { serialize: (text: string) => Buffer.from(text), deserialize: String },
  });
  raw.pipe('k', '{"a":');
  raw.pipe('k', '{"a":1}');
  assert.deepEqual(driver.createOutputTopic('out').readValues(), [{ a: 1 }]);
  assert.equal(driver.readDeadLetters()[0]?.value, '{"a":');
});

test('a key that its serde cannot write is dead-lettered', () => {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream<string, number>('in')
      .selectKey((value) => value)
      .to('out');
    builder
      .stream<string, number>('in')
      .groupBy((value) => value)
      .count({ store: 'counts' });
  });
  const driver = new TopologyTestDriver(topology);
  driver.createInputTopic<string, number>('in').pipe('k', 1);
  assert.deepEqual(
    driver.readDeadLetters().map(({ code }) => code),
    ['STREAMS_BAD_KEY', 'STREAMS_BAD_KEY'],
  );
});

test('a store that the operator does not list is refused', () => {
  const topology = defineTopology('app', (builder) => {
    const store = builder.keyValueStore('store');
    builder.stream('in').process((context) => {
      context.store(store);
      return { process() {} };
    });
  });
  assert.throws(() => new TopologyTestDriver(topology), { code: 'STREAMS_BAD_OPTION' });
});

test('a function that changes its input fails in the driver', () => {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream<string, { n: number }>('in')
      .peek((value) => {
        value.n++;
      })
      .to('out');
  });
  const driver = new TopologyTestDriver(topology);
  driver.createInputTopic('in').pipe('k', { n: 1 });
  assert.equal(driver.readDeadLetters()[0]?.code, 'STREAMS_USER_FUNCTION_FAILED');
});
