import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamsMachine } from '@millrace/testkit/streams';
import type { LogCommit } from '../log/index.ts';
import { defineTopology, type TopologyOptions } from './index.ts';

interface Item {
  readonly id: number;
  readonly t: number;
  readonly k?: string;
}

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

test('records deleted before they were processed: an error says which, the rest is processed', async () => {
  const machine = new StreamsMachine({ topologies: [sums()], log: 'embedded' });
  await machine.openLog();
  await started(machine, { in: 1 });
  await machine.append('in', 0, [{ key: 'a', value: { id: 1, t: 1 } }]);
  await machine.settle();
  await machine.close();
  await machine.openLog();
  for (const id of [10, 100, 1000]) await machine.append('in', 0, [{ key: 'a', value: { id, t: 1 } }]);
  await machine.wait(machine.log.deleteRecordsBefore('in', 0, 3));
  await machine.start();
  await machine.settle();
  assert.deepEqual(machine.runtime.stores.read('sums', {}), [{ key: 'a', value: 1001 }]);
  assert.match(machine.logged.join(), /deleted before they were processed.*"fromOffset":1,"toOffset":3/);
});
