import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordedMeter, StreamsMachine } from '@millrace/testkit/streams';
import { MillraceError } from '../base/index.ts';
import type { LogCommit } from '../log/index.ts';
import { defineTopology, type TopologyOptions } from './index.ts';

interface Item {
  readonly id: number;
  readonly t: number;
  readonly k?: string;
}

const transient = new MillraceError('LOG_BACKPRESSURE', { kind: 'transient', cause: 'full', remedy: 'wait' });

function sums(options: TopologyOptions = {}) {
  return defineTopology(
    'sums',
    (builder) => {
      builder
        .stream<string, Item>('in')
        .groupByKey()
        .aggregate(
          () => 0,
          (sum, { id }) => sum + id,
          { store: 'sums' },
        )
        .toStream()
        .to('sums-out');
    },
    options,
  );
}

/** Notes every commit that a machine's log gets. */
function commitsOf(machine: StreamsMachine): LogCommit[] {
  const commits: LogCommit[] = [];
  const commit = machine.log.commit.bind(machine.log);
  machine.log.commit = (each) => {
    commits.push(each);
    return commit(each);
  };
  return commits;
}

async function numbers(machine: StreamsMachine, topic: string): Promise<number[]> {
  return ((await machine.values(topic)) as number[]).toSorted((one, other) => one - other);
}

async function started(machine: StreamsMachine, topics: Readonly<Record<string, number>>): Promise<void> {
  for (const [topic, partitions] of Object.entries(topics))
    await machine.log.createTopic(topic, { partitions });
  await machine.start();
}

test('output, changelog and input offset of a record are in one commit', async () => {
  const machine = new StreamsMachine({ topologies: [sums()] });
  await started(machine, { 'in': 2, 'sums-out': 1 });
  await machine.append('in', 1, [{ key: 'a', value: { id: 3, t: 1 } }]);
  const commits = commitsOf(machine);
  await machine.settle();
  assert.equal(commits.length, 1);
  assert.deepEqual(
    commits[0]!.appends.map(({ topic, partition, batch }) => [topic, partition, batch.count]),
    [
      ['sums-out', 0, 1],
      // The row, and the store's stream time.
      ['sums-sums-changelog', 1, 2],
    ],
  );
  assert.deepEqual(commits[0]!.offsets, [{ group: 'sums', topic: 'in', partition: 1, nextOffset: 1 }]);
});

test('queries see what is committed, listeners are called after it', async () => {
  const machine = new StreamsMachine({ topologies: [sums()] });
  await started(machine, { in: 1 });
  const { stores } = machine.runtime;
  const seen: unknown[] = [];
  stores.onChange('sums', () => seen.push(stores.read('sums', {}).map(({ value }) => value)));
  await machine.append('in', 0, [{ key: 'a', value: { id: 3, t: 1 } }]);
  machine.memoryLog.hold();
  await machine.clock.advance(200);
  assert.equal(machine.memoryLog.pending, 1);
  assert.deepEqual(stores.read('sums', {}), []);
  assert.equal(stores.streamTimeMs('sums'), undefined);
  machine.memoryLog.unhold();
  await machine.clock.advance(0);
  assert.deepEqual(seen, [[3]]);
  assert.deepEqual(stores.names(), ['sums']);
});

test('processing goes on while a commit is under way; what it held is committed as it was', async () => {
  const machine = new StreamsMachine({ topologies: [sums()] });
  await started(machine, { in: 1 });
  machine.memoryLog.hold();
  const first = machine.append('in', 0, [{ key: 'a', value: { id: 1, t: 1 } }]);
  machine.memoryLog.release();
  await first;
  await machine.clock.advance(100);
  const second = machine.append('in', 0, [{ key: 'a', value: { id: 10, t: 1 } }]);
  machine.memoryLog.unhold();
  await second;
  await machine.settle();
  assert.deepEqual(await machine.values('sums-out'), [1, 11]);
  assert.deepEqual(machine.runtime.stores.read('sums', {}), [{ key: 'a', value: 11 }]);
});

test('a commit that the log could not take is tried again, once each', async () => {
  const machine = new StreamsMachine({ topologies: [sums()] });
  await started(machine, { in: 1 });
  await machine.append('in', 0, [{ key: 'a', value: { id: 1, t: 1 } }]);
  machine.memoryLog.hold();
  for (let i = 0; i < 5; i++) {
    while (machine.memoryLog.pending === 0) await machine.clock.advance(10);
    machine.memoryLog.release(1, transient);
  }
  machine.memoryLog.unhold();
  await machine.settle();
  assert.deepEqual(await machine.values('sums-out'), [1]);
  assert.equal(machine.log.committedOffset('sums', 'in', 0), 1);
  assert.equal(machine.runtime.status()[0]?.state, 'running');
});

test('backpressure: a log that takes nothing stops processing within bounds', async () => {
  const big = 'x'.repeat(100_000);
  const topology = defineTopology('copy', (builder) => builder.stream('in').to('out'));
  const machine = new StreamsMachine({ topologies: [topology] });
  await machine.log.createTopic('in', { partitions: 1 });
  for (let i = 0; i < 200; i++) await machine.append('in', 0, [{ key: 'a', value: big }]);
  machine.memoryLog.hold();
  await machine.start();
  await machine.clock.advance(5000);
  const processed = 200 - machine.runtime.lagRecords();
  assert.ok(processed > 10 && processed < 120, `${processed} records of 100 kB are in memory`);
  machine.memoryLog.unhold();
  await machine.settle();
  assert.equal((await machine.values('out')).length, 200);
});

test('a topology that fails stops alone at its record, and resumes there', async () => {
  let isBroken = true;
  const failing = defineTopology(
    'failing',
    (builder) => {
      builder
        .stream<string, Item>('in')
        .mapValues((item) => {
          if (isBroken && item.id === 2) throw new Error('broken');
          return item.id;
        })
        .to('failing-out');
    },
    { onError: 'fail' },
  );
  const machine = new StreamsMachine({ topologies: [failing, sums()] });
  await started(machine, { in: 1 });
  for (const id of [1, 2, 3]) {
    await machine.append('in', 0, [{ key: 'a', value: { id, t: 1 } }]);
    await machine.clock.advance(200);
  }
  assert.deepEqual(
    machine.runtime.status().map(({ application, state }) => [application, state]),
    [
      ['failing', 'failed'],
      ['sums', 'running'],
    ],
  );
  assert.match(machine.logged.join(), /a topology has stopped.*failing.*in-0 offset 1: broken/);
  assert.equal(machine.meter.values.get('streams_running{application=failing}'), 0);
  assert.deepEqual(machine.runtime.stores.read('sums', {}), [{ key: 'a', value: 6 }]);
  await machine.close();
  isBroken = false;
  await machine.start();
  await machine.settle();
  assert.deepEqual(await machine.values('failing-out'), [1, 2, 3]);
});

test('dead letters are part of the commit', async () => {
  const topology = defineTopology('strict', (builder) => {
    builder
      .stream<string, Item>('in')
      .mapValues((item) => {
        if (item.id === 2) throw new Error('no twos');
        return item.id;
      })
      .to('out');
  });
  const machine = new StreamsMachine({ topologies: [topology] });
  await started(machine, { in: 1 });
  const commits = commitsOf(machine);
  await machine.append(
    'in',
    0,
    [1, 2].map((id) => ({ key: 'a', value: { id, t: 1 } })),
  );
  await machine.settle();
  assert.deepEqual(
    commits.at(-1)!.appends.map(({ topic }) => topic),
    ['out', 'dead_letters'],
  );
  const [letter] = (await machine.records('dead_letters')).flat();
  const headers = Object.fromEntries(letter!.headers.map(({ key, value }) => [key, String(value)]));
  assert.equal(String(letter!.value), '{"id":2,"t":1}');
  assert.equal(headers['message'], 'no twos');
  assert.deepEqual(
    [headers['application'], headers['topic'], headers['partition'], headers['offset']],
    ['strict', 'in', '0', '1'],
  );
});

test('a slow function holds up its partition and nothing else, and the delay shows', async () => {
  const slow = defineTopology('slow', (builder) => {
    builder
      .stream<string, { id: number; waitMs: number }>('in')
      .mapValues(async ({ id, waitMs }, _key, context) => {
        if (waitMs > 0) await context.sleep(waitMs);
        return id;
      })
      .to('slow-out');
  });
  const machine = new StreamsMachine({ topologies: [slow, sums()] });
  await started(machine, { 'in': 2, 'slow-out': 1 });
  await machine.append('in', 0, [
    { key: 'a', value: { id: 1, waitMs: 0 } },
    { key: 'a', value: { id: 2, waitMs: 3000 } },
    { key: 'a', value: { id: 3, waitMs: 0 } },
  ]);
  await machine.append('in', 1, [{ key: 'b', value: { id: 4, waitMs: 0 } }]);
  await machine.clock.advance(2000);
  assert.deepEqual(await numbers(machine, 'slow-out'), [1, 4], 'what was done before is committed');
  assert.equal(machine.runtime.stores.read('sums', { key: 'a' })[0]?.value, 6);
  assert.deepEqual(
    [...machine.runtime.delaysMs()],
    [
      ['slow', 2000],
      ['sums', 0],
    ],
  );
  assert.equal(machine.runtime.lagRecords(), 2);
  assert.equal(machine.meter.values.get('streams_lag_ms{application=slow}'), 2000);
  await machine.settle();
  assert.deepEqual(await numbers(machine, 'slow-out'), [1, 2, 3, 4]);
  const latencies = machine.meter.observations.get('streams_result_latency_ms{application=slow}')!;
  assert.deepEqual([latencies.length, latencies.filter((latencyMs) => latencyMs >= 3000).length], [4, 2]);
});

test('closing does not wait for slow functions; their record is processed again', async () => {
  const calls: number[] = [];
  const slow = defineTopology('slow', (builder) => {
    builder
      .stream<string, Item>('in')
      .mapValues(async ({ id }, _key, context) => {
        calls.push(id);
        if (id === 2) await context.sleep(60_000);
        return id;
      })
      .to('slow-out');
  });
  const machine = new StreamsMachine({ topologies: [slow] });
  await started(machine, { in: 1 });
  await machine.append(
    'in',
    0,
    [1, 2].map((id) => ({ key: 'a', value: { id, t: 0 } })),
  );
  await machine.clock.advance(10);
  assert.ok((await machine.close()) < 1000);
  assert.deepEqual(await machine.values('slow-out'), [1]);
  await machine.start();
  await machine.clock.advance(61_000);
  assert.deepEqual(await machine.values('slow-out'), [1, 2]);
  assert.deepEqual(calls, [1, 2, 2]);
});

test('new partitions of an unkeyed topic are picked up while running', async () => {
  const topology = defineTopology('copy', (builder) => {
    builder
      .stream<null, Item>('pings')
      .mapValues(({ id }) => id)
      .to('pings-out');
  });
  const machine = new StreamsMachine({ topologies: [topology] });
  await machine.log.createTopic('pings', { partitions: 4, keyed: false });
  await machine.start();
  await machine.append('pings', 3, [{ key: null, value: { id: 3 } }]);
  await machine.settle();
  await machine.log.addPartitions('pings', 8);
  await machine.append('pings', 7, [{ key: null, value: { id: 7 } }]);
  await machine.clock.advance(1000);
  assert.deepEqual(await numbers(machine, 'pings-out'), [3, 7]);
  assert.equal(machine.runtime.status()[0]?.tasks, 8);
});

test('a record cache sends the last update of each key and commit, or every one', async () => {
  for (const [cacheBytesMax, expected] of [
    [10_000_000, [3, 7]],
    [0, [1, 3, 3, 7]],
  ] as const) {
    const machine = new StreamsMachine({ topologies: [sums({ cacheBytesMax })] });
    await started(machine, { 'in': 1, 'sums-out': 1 });
    const item = (id: number) => ({ key: 'a', value: { id, t: 0 } });
    await machine.append('in', 0, [item(1), item(2)]);
    await machine.clock.advance(100);
    await machine.append('in', 0, [item(0), item(4)]);
    await machine.settle();
    assert.deepEqual(await machine.values('sums-out'), expected);
  }
});

test('held updates flow through several tables before the commit', async () => {
  const topology = defineTopology('chain', (builder) => {
    const counts = builder.stream<string, Item>('in').groupByKey().count({ store: 'counts' });
    counts
      .toStream()
      .groupBy((count) => (count > 1 ? 'many' : 'one'), { name: 'by-size' })
      .count({ store: 'sizes' })
      .toStream()
      .to('sizes-out');
  });
  const machine = new StreamsMachine({ topologies: [topology] });
  await started(machine, { in: 2 });
  for (const [partition, key] of [
    [0, 'a'],
    [0, 'a'],
    [0, 'b'],
    [1, 'c'],
  ] as const) {
    await machine.append('in', partition, [{ key, value: { id: 1, t: 0 } }]);
  }
  await machine.settle();
  assert.deepEqual(machine.runtime.stores.read('sizes', {}), [
    { key: 'many', value: 1 },
    { key: 'one', value: 2 },
  ]);
  await machine.clock.advance(11_000);
  for (const partition of [0, 1]) {
    const { startOffset, endOffset } = machine.log.range('chain-by-size-repartition', partition);
    assert.equal(startOffset, endOffset, 'what is processed is deleted from the internal topic');
  }
});

test('results of replayed records are no latency, those of internal steps neither', async () => {
  const topology = defineTopology('latency', (builder) => {
    builder
      .stream<string, Item>('in')
      .groupBy(({ k }) => k, { name: 'by-k' })
      .count({ store: 'counts' });
  });
  const machine = new StreamsMachine({ topologies: [topology] });
  await started(machine, { in: 1 });
  const replayed = [{ key: 'replayed', value: Buffer.from('1') }];
  await machine.append('in', 0, [
    { key: 'a', value: { id: 1, t: 0, k: 'x' } },
    { key: 'a', value: { id: 2, t: 0, k: 'x' }, headers: replayed },
  ]);
  await machine.settle();
  const latencies = machine.meter.observations.get('streams_result_latency_ms{application=latency}')!;
  assert.equal(latencies.length, 1);
  assert.ok(latencies[0]! < 50, `${latencies[0]} ms, from the arrival and through both steps`);
});

test('a parsed event is shared by the topologies that read it', async () => {
  const seen: unknown[] = [];
  const reading = (id: string) =>
    defineTopology(id, (builder) => {
      builder.stream('in').peek((value) => {
        seen.push(value);
      });
    });
  const machine = new StreamsMachine({ topologies: [reading('one'), reading('other')] });
  await started(machine, { in: 1 });
  await machine.append('in', 0, [{ key: 'a', value: { id: 1 } }]);
  await machine.settle();
  assert.equal(seen.length, 2);
  assert.equal(seen[0], seen[1]);
});

test('figures: records, late ones, rows, lag, restoration', async () => {
  const topology = defineTopology('figures', (builder) => {
    builder
      .stream<string, Item>('in', { timestampExtractor: ({ t }) => t })
      .groupByKey()
      .windowedBy({ sizeMs: 10, graceMs: 0 })
      .count({ store: 'counts' });
  });
  const machine = new StreamsMachine({ topologies: [topology] });
  await started(machine, { in: 1 });
  await machine.append(
    'in',
    0,
    [5, 25, 6, 26].map((t, id) => ({ key: 'a', value: { id, t } })),
  );
  await machine.settle();
  const { values, observations } = machine.meter;
  assert.equal(values.get('streams_records_total{application=figures}'), 4);
  assert.equal(values.get('streams_dropped_total{application=figures,operator=counts,reason=late}'), 1);
  assert.equal(values.get('streams_state_entries{application=figures,store=counts}'), 1);
  assert.equal(values.get('streams_lag_records{application=figures}'), 0);
  assert.equal(values.get('streams_restore_progress{application=figures}'), 1);
  assert.equal(observations.get('streams_commit_duration_ms{application=figures}')?.length, 1);
  assert.ok(machine.meter instanceof RecordedMeter);
});

test('refused: topics that do not fit together, two of a name', async () => {
  const join = defineTopology('join', (builder) => {
    builder.stream<string, Item>('in').join(builder.table('table'), (item) => item);
  });
  const machine = new StreamsMachine({ topologies: [join] });
  await machine.log.createTopic('in', { partitions: 2 });
  await machine.log.createTopic('table', { partitions: 3 });
  await assert.rejects(machine.start(), { code: 'STREAMS_NOT_COPARTITIONED' });
  const twice = new StreamsMachine({ topologies: [sums(), sums()] });
  await assert.rejects(twice.start(), { code: 'STREAMS_DUPLICATE_NAME' });
});

test('refused: partitions of a keyed topic that changed behind its state', async () => {
  const machine = new StreamsMachine({ topologies: [sums()] });
  await started(machine, { in: 2 });
  await machine.close();
  await machine.log.addPartitions('in', 4);
  await assert.rejects(machine.start(), { code: 'STREAMS_PARTITIONS_CHANGED' });
});
