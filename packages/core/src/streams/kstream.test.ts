import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineEvent, Type, type EventOf } from '../contract/index.ts';
import { defineTopology, Serdes, TopologyTestDriver, type StreamsBuilder } from './index.ts';

const view = defineEvent({
  name: 'view',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ user_id: Type.String(), page: Type.String() }),
});
const order = defineEvent({
  name: 'order',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ user_id: Type.String(), amount: Type.Number() }),
});
const ping = defineEvent({
  name: 'ping',
  version: 1,
  topic: 'pings',
  schema: Type.Object({ page: Type.String() }),
});

function drive(build: (builder: StreamsBuilder) => void): TopologyTestDriver {
  return new TopologyTestDriver(defineTopology('app', build));
}

test('stateless operators, in the order of their records', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .filter((value) => value > 0)
      .filterNot((value) => value > 100)
      .mapValues((value, key) => `${key}${value}`)
      .flatMapValues((value) => [value, `${value}!`])
      .map((value, key) => [`${key}-new`, { value }])
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('a', -1, 1);
  input.pipe('a', 1, 2);
  input.pipe('b', 101, 3);
  input.pipe('b', 2, 4);
  const records = driver.createOutputTopic<string, { value: string }>('out').readRecords();
  assert.deepEqual(
    records.map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    [
      ['a-new', { value: 'a1' }, 2],
      ['a-new', { value: 'a1!' }, 2],
      ['b-new', { value: 'b2' }, 4],
      ['b-new', { value: 'b2!' }, 4],
    ],
  );
});

test('a record goes through all branches before the next one', () => {
  const seen: string[] = [];
  const driver = drive((builder) => {
    const numbers = builder.stream<string, number>('in').peek((value) => {
      seen.push(`source ${value}`);
    });
    const odd = numbers.filter((value) => value % 2 === 1);
    const all = numbers.flatMap((value, key) => [
      [key, value],
      [key, value * 10],
    ]);
    odd.merge(all).peek((value) => {
      seen.push(`merged ${value}`);
    });
  });
  const input = driver.createInputTopic<string, number>('in');
  input.pipe('k', 1);
  input.pipe('k', 2);
  assert.deepEqual(seen, [
    'source 1',
    'merged 1',
    'merged 1',
    'merged 10',
    'source 2',
    'merged 2',
    'merged 20',
  ]);
});

test('events: contracts filter by type, the key is text, event time is the time field', () => {
  const driver = drive((builder) => {
    builder
      .stream([view, order])
      .mapValues((event, key) => ({ key, what: event.event_type === 'view' ? event.page : event.amount }))
      .to('out');
    builder
      .stream([order])
      .selectKey((event) => String(event.amount))
      .to('orders');
  });
  const views = driver.createEventInput(view);
  const orders = driver.createEventInput(order);
  views.pipe({ user_id: 'ann', page: '/', event_timestamp: '2026-01-01T00:00:00Z' });
  orders.pipe({ user_id: 'bob', amount: 7, event_timestamp: 99 });
  driver.createInputTopic('events').pipe('zoe', { event_type: 'unknown' });
  const out = driver.createOutputTopic('out').readRecords();
  assert.deepEqual(
    out.map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    [
      ['ann', { key: 'ann', what: '/' }, Date.UTC(2026, 0, 1)],
      ['bob', { key: 'bob', what: 7 }, 99],
    ],
  );
  const [copy] = driver.createOutputTopic<string, EventOf<typeof order>>('orders').readRecords();
  assert.equal(copy?.key, '7');
  assert.equal(copy.value?.event_type, 'order');
});

test('events of several topics, one of them without keys', () => {
  const driver = drive((builder) => {
    builder
      .stream([view, ping])
      .mapValues((event, key) => [event.page, key])
      .to('pages');
  });
  driver.createEventInput(view).pipe({ user_id: 'ann', page: '/a' });
  driver.createEventInput(ping).pipe({ page: '/b' });
  assert.deepEqual(driver.createOutputTopic('pages').readKeyValues(), [
    ['ann', ['/a', 'ann']],
    [null, ['/b', null]],
  ]);
});

test('serdes and timestamp extractor are the ones that are given', () => {
  const driver = drive((builder) => {
    builder
      .stream<number, number>('in', {
        keySerde: Serdes.double,
        valueSerde: Serdes.double,
        timestampExtractor: (value) => value * 1000,
      })
      .to('out');
  });
  driver.createInputTopic('in', { keySerde: Serdes.double, valueSerde: Serdes.double }).pipe(1.5, 2);
  const output = driver.createOutputTopic('out', { keySerde: Serdes.double, valueSerde: Serdes.double });
  const [record] = output.readRecords();
  assert.deepEqual([record?.key, record?.value, record?.timestampMs], [1.5, 2, 2000]);
});

test('a null value is a value like any other for stateless operators', () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number | null>('in')
      .mapValues((value) => value ?? -1)
      .to('out');
    builder.stream<string, number | null>('in').to('copy');
  });
  driver.createInputTopic<string, number>('in').pipe('a', null);
  assert.deepEqual(driver.createOutputTopic('out').readKeyValues(), [['a', -1]]);
  assert.deepEqual(driver.createOutputTopic('copy').readKeyValues(), [['a', null]]);
});

test('asynchronous functions: in order, only thenables are awaited', async () => {
  const driver = drive((builder) => {
    builder
      .stream<string, number>('in')
      .filter((value) => (value === 2 ? Promise.resolve(true) : true))
      .mapValues(async (value, _key, context) => {
        await context.sleep(value * 100);
        return value;
      })
      .flatMapValues((value) => [value, value])
      .to('out');
  });
  const input = driver.createInputTopic<string, number>('in');
  const output = driver.createOutputTopic('out');
  const first = input.pipeAsync('k', 2);
  await new Promise(setImmediate);
  driver.advanceWallClock(199);
  await new Promise(setImmediate);
  assert.equal(output.isEmpty, true);
  driver.advanceWallClock(1);
  await first;
  assert.deepEqual(output.readValues(), [2, 2]);
  assert.throws(() => input.pipe('k', 1), { code: 'STREAMS_ASYNC_IN_DRIVER' });
});

test('a topology describes itself', () => {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream([view])
      .groupBy((event) => event.page, { name: 'by-page' })
      .count({ store: 'views' });
  });
  assert.equal(
    topology.describe(),
    [
      'Topology: app',
      '  Sub-topology: 0',
      '    Source: KSTREAM-SOURCE-0000000000 (topic: events)',
      '      --> KSTREAM-EVENTS-0000000001',
      '    Processor: KSTREAM-EVENTS-0000000001',
      '      --> by-page-select',
      '    Processor: by-page-select',
      '      --> by-page-repartition-sink',
      '    Sink: by-page-repartition-sink (topic: app-by-page-repartition)',
      '  Sub-topology: 1',
      '    Source: by-page-repartition-source (topic: app-by-page-repartition)',
      '      --> views',
      '    Processor: views (stores: views)',
      '',
    ].join('\n'),
  );
});

const refused: readonly [what: string, code: string, build: (builder: StreamsBuilder) => void][] = [
  ['no source', 'STREAMS_EMPTY_TOPOLOGY', () => {}],
  ['a bad name', 'STREAMS_BAD_NAME', (builder) => builder.stream('in').to('a/b')],
  [
    'two stores of one name',
    'STREAMS_DUPLICATE_NAME',
    (builder) => {
      builder.keyValueStore('s');
      builder.stream('in').groupByKey().count({ store: 's', name: 'count' });
    },
  ],
  [
    'two operators of one name',
    'STREAMS_DUPLICATE_NAME',
    (builder) => {
      const stream = builder.stream('in');
      stream.filter(() => true, { name: 'x' });
      stream.filter(() => true, { name: 'x' });
    },
  ],
  [
    'a topic read in two ways',
    'STREAMS_SOURCE_CONFLICT',
    (builder) => {
      builder.stream('in');
      builder.stream('in', { valueSerde: Serdes.double });
    },
  ],
  [
    'a topic read as events and as records',
    'STREAMS_SOURCE_CONFLICT',
    (builder) => {
      builder.stream([view]);
      builder.stream('events');
    },
  ],
  ['no contract', 'STREAMS_UNKNOWN_CONTRACT', (builder) => builder.stream([])],
  [
    'windows without size',
    'STREAMS_BAD_OPTION',
    (builder) => builder.stream('in').groupByKey().windowedBy({ sizeMs: 0, graceMs: 0 }),
  ],
  [
    'too short a retention',
    'STREAMS_BAD_OPTION',
    (builder) =>
      builder.stream('in').groupByKey().windowedBy({ sizeMs: 10, graceMs: 5 }).count({ retentionMs: 14 }),
  ],
];

for (const [what, code, build] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => defineTopology('app', build), { code });
  });
}

test('types flow from contracts to results', () => {
  defineTopology('types', (builder) => {
    const stream = builder.stream([view, order]);
    const onlyOrders = stream.filter((event) => event.event_type === 'order');
    onlyOrders.mapValues((event) => event.amount.toFixed(2));
    // @ts-expect-error -- a view has no amount
    stream.mapValues((event) => event.amount);
    // @ts-expect-error -- the key may be null
    stream.mapValues((_event, key) => key.length);
    const counts = stream.groupByKey().count();
    counts.mapValues((count, key) => key.length + count);
    // @ts-expect-error -- a count is a number
    counts.mapValues((count) => count.length);
    counts.toStream().mapValues((count) => count + 1);
    const table = builder.table<string, { name: string }>('users');
    // @ts-expect-error -- rows of a topic can be deleted
    table.toStream().mapValues((row) => row.name);
    stream.join(table, (_event, row) => row.name);
    // @ts-expect-error -- a left join may find no row
    stream.leftJoin(table, (_event, row) => row.name);
    const store = builder.keyValueStore<string, number>('store');
    stream.processValues(
      (context) => {
        const values = context.store(store);
        return {
          process({ value, key }) {
            if (key === null) return;
            values.put(key, value.event_type.length);
            // @ts-expect-error -- the store holds numbers
            values.put(key, value.event_type);
          },
        };
      },
      { stores: [store] },
    );
  });
});
