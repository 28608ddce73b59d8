import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '@millrace/testkit/clock';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { StreamsMachine } from '@millrace/testkit/streams';
import { seededRandom, type Clock, type FileSystem } from '../base/index.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { defineTopology, Serdes } from './index.ts';
import { WindowStateStore } from './window-store.ts';

const header = { store: 'store', partition: 3, changelogOffset: 42 };
const path = '/folder/3-1.checkpoint';

function emptyStore(): WindowStateStore {
  return new WindowStateStore({
    name: 'store',
    keySerde: Serdes.string,
    valueSerde: Serdes.json(),
    sizeMs: 10,
    retentionMs: 1e9,
  });
}

type Row = readonly [key: string, windowStartMs: number, value: unknown];

function storeOf(rows: readonly Row[]): WindowStateStore {
  const store = emptyStore();
  for (const [key, startMs, value] of rows) store.write(store.entry(key, startMs), value, startMs + 1);
  store.streamTimeMs = 77;
  store.confirm(store.capture(() => {}, 77)!);
  return store;
}

function rowsOf(store: WindowStateStore): Row[] {
  const rows: Row[] = [];
  for (const { key, windowStartMs, committedValue } of store.entries()) {
    if (committedValue !== null) rows.push([key as string, windowStartMs, committedValue]);
  }
  return rows;
}

async function folderOn(disk: SimulatedDisk): Promise<FileSystem> {
  const files = disk.mount();
  await files.makeFolder('/folder');
  return files;
}

test('rows come back as they were, with their times, and the stream time', async () => {
  // JSON has no -0.
  const anyValue = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  const anyStart = fc.nat(5).map((n) => n * 10);
  const anyRow = fc.tuple(fc.string({ unit: 'binary' }), anyStart, anyValue);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyRow, { selector: ([key, start]) => `${start} ${key}`, maxLength: 50 }),
      async (rows) => {
        const files = await folderOn(new SimulatedDisk({ random: seededRandom(1) }));
        const io = { files, clock: new VirtualClock() };
        const store = storeOf([...rows, ['always', 0, 1]]);
        await writeCheckpoint(io, path, { store, header });
        const restored = emptyStore();
        const read = await readCheckpoint(io, path, restored);
        assert.ok(read.isWhole);
        assert.deepEqual(read.header, header);
        assert.deepEqual(rowsOf(restored), rowsOf(store));
        assert.equal(restored.streamTimeMs, 77);
        for (const entry of restored.entries()) assert.equal(entry.timestampMs, entry.windowStartMs + 1);
      },
    ),
    { numRuns: 50 },
  );
});

test('every flipped bit and every cut is noticed', async () => {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const files = await folderOn(disk);
  const io = { files, clock: new VirtualClock() };
  const store = storeOf(Array.from({ length: 20 }, (_, i) => [`key ${i}`, 10 * i, { n: i }]));
  await writeCheckpoint(io, path, { store, header });
  const whole = disk.contents(path);
  for (let bit = 0; bit < whole.length * 8; bit += 7) {
    disk.replace(path, whole);
    disk.flipBit(path, bit);
    assert.equal((await readCheckpoint(io, path, emptyStore())).isWhole, false, `bit ${bit}`);
  }
  for (let length = 0; length < whole.length; length += 3) {
    disk.replace(path, whole.subarray(0, length));
    assert.equal((await readCheckpoint(io, path, emptyStore())).isWhole, false, `${length} bytes`);
  }
});

test('what is not committed is not in it', async () => {
  const io = {
    files: await folderOn(new SimulatedDisk({ random: seededRandom(1) })),
    clock: new VirtualClock(),
  };
  const store = storeOf([['a', 0, 1]]);
  store.write(store.entry('a', 0), 2, 5);
  store.write(store.entry('b', 0), 1, 5);
  await writeCheckpoint(io, path, { store, header });
  const restored = emptyStore();
  await readCheckpoint(io, path, restored);
  assert.deepEqual(rowsOf(restored), [['a', 0, 1]]);
});

test('writing and reading let go of the event loop every few milliseconds', async () => {
  // Each look at this clock takes a millisecond; it is looked at once in 128 rows.
  let nowMs = 0;
  let yields = 0;
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => nowMs++,
    schedule: (callback) => {
      yields++;
      queueMicrotask(callback);
      return () => {};
    },
  };
  const files = await folderOn(new SimulatedDisk({ random: seededRandom(1) }));
  const store = storeOf(Array.from({ length: 128 * 100 }, (_, i) => [`key ${i}`, 0, i]));
  await writeCheckpoint({ files, clock }, path, { store, header });
  assert.ok(yields >= 9, `${yields} yields while writing`);
  yields = 0;
  await readCheckpoint({ files, clock }, path, emptyStore());
  assert.ok(yields >= 9, `${yields} yields while reading`);
});

interface Item {
  readonly t: number;
}

const counting = defineTopology('app', (builder) => {
  const items = builder.stream<string, Item>('in', { timestampExtractor: ({ t }) => t });
  items.groupByKey().windowedBy({ sizeMs: 100, graceMs: 0 }).count({ store: 'counts', retentionMs: 1e9 });
});

const folder = '/data/streams/app/counts';

/** A machine whose store has two checkpoints and a changelog tail; it is then killed. */
async function machineWithCheckpoints(checkpointRecordsMin: number): Promise<StreamsMachine> {
  const machine = new StreamsMachine({ topologies: [counting], checkpointRecordsMin });
  await machine.log.createTopic('in', { partitions: 1 });
  await machine.start();
  for (let i = 0; i < 60; i++) {
    await machine.append('in', 0, [{ key: `k${i % 10}`, value: { t: i } }]);
    await machine.clock.advance(100);
  }
  await machine.clock.advance(1000);
  await machine.append('in', 0, [{ key: 'last', value: { t: 60 } }]);
  await machine.settle();
  return machine;
}

async function assertRestored(machine: StreamsMachine): Promise<void> {
  machine.crash('power');
  await machine.start();
  const rows = machine.runtime.stores.read('counts', {});
  assert.equal(rows.length, 11);
  for (const { key, value } of rows) assert.equal(value, key === 'last' ? 1 : 6);
  assert.equal(machine.runtime.stores.streamTimeMs('counts'), 60);
}

test('restored from the changelog alone', async () => {
  const machine = await machineWithCheckpoints(1_000_000);
  assert.deepEqual(machine.disk.paths(), []);
  await assertRestored(machine);
});

test('restored from the newest checkpoint and the changelog, which begins at the older one', async () => {
  const machine = await machineWithCheckpoints(10);
  assert.equal(machine.disk.paths().length, 2);
  assert.ok(machine.log.range('app-counts-changelog', 0).startOffset > 0);
  await assertRestored(machine);
  assert.deepEqual(machine.logged, []);
});

test('a damaged checkpoint: the older one does, and says so', async () => {
  const machine = await machineWithCheckpoints(10);
  machine.disk.flipBit(machine.disk.paths().at(-1)!, 999);
  await assertRestored(machine);
  assert.match(machine.logged.join(), /a checkpoint cannot be used.*a wrong checksum/);
});

test('a lost checkpoint: the older one does', async () => {
  const machine = await machineWithCheckpoints(10);
  machine.disk.replace(machine.disk.paths().at(-1)!, new Uint8Array(0));
  await assertRestored(machine);
});

test('no checkpoint left and a trimmed changelog: no going on with half the state', async () => {
  const machine = await machineWithCheckpoints(10);
  for (const each of machine.disk.paths()) machine.disk.flipBit(each, 100);
  machine.crash('process');
  await assert.rejects(machine.start(), { code: 'STREAMS_STATE_LOST' });
  assert.equal(machine.runtime.status()[0]?.state, 'failed');
});

test('a checkpoint of another log is not believed', async () => {
  const machine = await machineWithCheckpoints(10);
  const fresh = new StreamsMachine({ topologies: [counting] });
  const files = fresh.disk.mount();
  await files.makeFolder(folder);
  for (const each of machine.disk.paths()) {
    await files.open(each, { create: true });
    fresh.disk.replace(each, machine.disk.contents(each));
  }
  await fresh.start();
  assert.deepEqual(fresh.runtime.stores.read('counts', {}), []);
  assert.match(fresh.logged.join(), /the changelog ends at 0/);
});

test('a checkpoint that cannot be written is tried again later; processing goes on', async () => {
  const machine = new StreamsMachine({ topologies: [counting], checkpointRecordsMin: 10 });
  await machine.log.createTopic('in', { partitions: 1 });
  await machine.start();
  machine.disk.inject({ operation: 'write', path: /checkpoint/, code: 'ENOSPC', times: 1 });
  for (let i = 0; i < 60; i++) {
    await machine.append('in', 0, [{ key: `k${i % 5}`, value: { t: i } }]);
    await machine.clock.advance(100);
  }
  await machine.settle();
  assert.match(machine.logged.join(), /a checkpoint failed/);
  assert.equal(machine.runtime.stores.read('counts', {}).length, 5);
  await machine.clock.advance(40_000);
  assert.equal(machine.disk.paths().filter((each) => each.endsWith('.checkpoint')).length, 1);
});

test('a clean stop leaves a checkpoint, so that the next start has no changelog to apply', async () => {
  const machine = new StreamsMachine({ topologies: [counting] });
  await machine.log.createTopic('in', { partitions: 1 });
  await machine.start();
  await machine.append('in', 0, [{ key: 'k', value: { t: 1 } }]);
  await machine.clock.advance(10);
  await machine.close();
  assert.deepEqual(machine.disk.paths(), [`${folder}/0-1.checkpoint`]);
  await machine.start();
  assert.deepEqual(
    machine.runtime.stores.read('counts', {}).map(({ key }) => key),
    ['k'],
  );
});

test('lateness does not depend on a restart, nor on the row of who moved time on', async () => {
  const topology = defineTopology('app', (builder) => {
    builder
      .stream<string, Item>('in', { timestampExtractor: ({ t }) => t })
      .groupByKey()
      .windowedBy({ sizeMs: 100, graceMs: 0 })
      .aggregate(
        () => 0,
        (count, { t }) => {
          if (t === 500) throw new Error('no row');
          return count + 1;
        },
        { store: 'counts', retentionMs: 1e9 },
      );
  });
  const machine = new StreamsMachine({ topologies: [topology] });
  await machine.log.createTopic('in', { partitions: 1 });
  await machine.start();
  await machine.append('in', 0, [{ key: 'a', value: { t: 500 } }]);
  await machine.settle();
  machine.crash('process');
  await machine.start();
  await machine.append('in', 0, [{ key: 'a', value: { t: 100 } }]);
  await machine.settle();
  assert.deepEqual(machine.runtime.stores.read('counts', {}), []);
  assert.equal(machine.runtime.stores.streamTimeMs('counts'), 500);
});
