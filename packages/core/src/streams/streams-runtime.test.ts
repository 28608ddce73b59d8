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
