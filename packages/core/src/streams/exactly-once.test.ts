import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CRASHED, StreamsMachine, type InputRecord } from '@millrace/testkit/streams';
import type { Random } from '../base/index.ts';
import { defineTopology, type StoreRow } from './index.ts';

interface Item {
  readonly id: number;
  readonly t: number;
  readonly group: string;
  readonly amount: number;
}

const PARTITIONS = 3;
const WINDOW = { sizeMs: 100, graceMs: 50 };

/** A bit of everything, all of it with one right answer whatever the order between partitions. */
function everything(cacheBytesMax: number) {
  return defineTopology(
    'everything',
    (builder) => {
      const items = builder.stream<string, Item>('in', { timestampExtractor: ({ t }) => t });
      items
        .groupByKey()
        .windowedBy(WINDOW)
        .count({ store: 'windows', retentionMs: 1e9 })
        .toStream()
        .map((count, { key, startMs }) => [`${key}@${startMs}`, count])
        .to('windows-out');
      items
        .groupBy(({ group }) => group, { name: 'by-group' })
        .windowedBy({ sizeMs: 1000, graceMs: 1e9 })
        .aggregate(
          () => ({ count: 0, amount: 0 }),
          (sum, { amount }) => ({ count: sum.count + 1, amount: sum.amount + amount }),
          { store: 'groups' },
        );
      const counted = builder.keyValueStore<string, number>('counted');
      items
        .processValues<{ id: number; nth: number }>(
          (context) => {
            const store = context.store(counted);
            return {
              async process({ key, value }) {
                if (value.id % 7 === 0) await context.sleep(value.id % 90);
                const nth = (store.get(key) ?? 0) + 1;
                // Rows are deleted and come again.
                if (nth === 5) store.delete(key);
                else store.put(key, nth);
                context.forward({ id: value.id, nth });
              },
            };
          },
          { stores: [counted] },
        )
        .to('nth');
      const fifths = items.filter(({ id }) => id % 5 === 0).toTable({ store: 'fifths' });
      items.leftJoin(fifths, ({ id }, fifth) => ({ id, fifth: fifth?.id ?? null })).to('joined');
      items
        .mapValues((item) => {
          if (item.id % 11 === 0) throw new Error('elevenths fail');
          return item.id;
        })
        .to('copies');
    },
    { cacheBytesMax },
  );
}

/** The same in one go, over what the input topic holds in the end. */
function computeBatch(partitions: readonly (readonly { key: string; item: Item }[])[]) {
  const windows = new Map<string, number>();
  const groups = new Map<string, { count: number; amount: number }>();
  const counted = new Map<string, number>();
  const fifths = new Map<string, number>();
  const nth: unknown[] = [];
  const joined: unknown[] = [];
  for (const records of partitions) {
    let streamTimeMs = -1;
    for (const { key, item } of records) {
      const { id, t, group, amount } = item;
      streamTimeMs = Math.max(streamTimeMs, t);
      const startMs = t - (t % WINDOW.sizeMs);
      if (startMs + WINDOW.sizeMs > streamTimeMs - WINDOW.graceMs) bump(windows, `${key}@${startMs}`);
      const cell = `${group}@${t - (t % 1000)}`;
      const before = groups.get(cell) ?? { count: 0, amount: 0 };
      groups.set(cell, { count: before.count + 1, amount: before.amount + amount });
      const n = (counted.get(key) ?? 0) + 1;
      if (n === 5) counted.delete(key);
      else counted.set(key, n);
      nth.push({ id, nth: n });
      if (id % 5 === 0) fifths.set(key, id);
      joined.push({ id, fifth: fifths.get(key) ?? null });
    }
  }
  const ids = partitions.flat().map(({ item }) => item.id);
  const [failed, copies] = [ids.filter((id) => id % 11 === 0), ids.filter((id) => id % 11 !== 0)];
  return { windows, groups, counted, nth, joined, copies, failed };
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function windowedRows(rows: readonly StoreRow[]): [string, unknown][] {
  return rows.map(({ key, windowStartMs, value }) => [`${key}@${windowStartMs}`, value]);
}

function sorted<T>(values: Iterable<T>): T[] {
  const text = new Map([...values].map((value) => [JSON.stringify(value), value]));
  return [...text.keys()].toSorted().map((key) => text.get(key)!);
}

class Shop {
  readonly #random: Random;
  #id = 0;
  #t = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  batch(partition: number): InputRecord[] {
    return Array.from({ length: 1 + this.below(12) }, () => {
      this.#t += this.below(30);
      const t = Math.max(0, this.#t - (this.below(4) === 0 ? this.below(300) : 0));
      const value: Item = { id: this.#id++, t, group: `g${this.below(4)}`, amount: this.below(1000) };
      return { key: `p${partition}k${this.below(6)}`, value };
    });
  }
}

const LIVES = 8;

/** On a log in memory: whole commits get lost or survive unacknowledged. */
async function runInMemory(seed: number): Promise<StreamsMachine> {
  const machine = machineFor(seed, 'memory');
  const shop = new Shop(machine.random);
  await machine.log.createTopic('in', { partitions: PARTITIONS });
  for (let life = 0; life < LIVES; life++) {
    await machine.start({ waitsForState: shop.below(3) > 0 });
    await sell(machine, shop);
    machine.memoryLog.hold();
    await machine.clock.advance(shop.below(400));
    if (shop.below(5) === 0) {
      machine.memoryLog.unhold();
      await machine.close();
    } else {
      machine.crash(shop.below(2) === 0 ? 'process' : 'power', shop.below(3));
    }
  }
  await machine.start();
  await machine.settle();
  return machine;
}

/** On the embedded log: the power fails at any operation of the disk. */
async function runOnDisk(seed: number): Promise<StreamsMachine> {
  const machine = machineFor(seed, 'embedded');
  const shop = new Shop(machine.random);
  await machine.openLog();
  await machine.log.createTopic('in', { partitions: PARTITIONS });
  for (let life = 0; life < LIVES; life++) {
    machine.disk.crashAtStep = machine.disk.steps + 50 + shop.below(1500);
    try {
      await machine.start({ waitsForState: shop.below(3) > 0 });
      await sell(machine, shop);
      await machine.wait(
        new Promise((resolve) => machine.clock.schedule(() => resolve(undefined), shop.below(400))),
      );
      if (shop.below(3) === 0) await machine.close();
      else machine.crash(shop.below(2) === 0 ? 'process' : 'power');
    } catch (error) {
      if (error !== CRASHED) throw error;
      machine.crash('process');
    }
  }
  machine.disk.crashAtStep = Infinity;
  await machine.start();
  await machine.settle();
  return machine;
}

function machineFor(seed: number, log: 'memory' | 'embedded'): StreamsMachine {
  const cacheBytesMax = seed % 2 === 0 ? 0 : 1_000_000;
  return new StreamsMachine({ topologies: [everything(cacheBytesMax)], seed, checkpointRecordsMin: 40, log });
}

async function sell(machine: StreamsMachine, shop: Shop): Promise<void> {
  for (let step = shop.below(30); step > 0; step--) {
    const partition = shop.below(PARTITIONS);
    await machine.append('in', partition, shop.batch(partition));
    await machine.clock.advance(shop.below(80));
  }
}

async function assertExact(machine: StreamsMachine, seed: number): Promise<void> {
  const inputs = (await machine.records('in')).map((records) => {
    return records.map(({ key, value }) => ({
      key: Buffer.from(key!).toString(),
      item: JSON.parse(Buffer.from(value!).toString()) as Item,
    }));
  });
  const expected = computeBatch(inputs);
  const { stores } = machine.runtime;
  const message = `seed ${seed}`;
  assert.deepEqual(
    sorted(windowedRows(stores.read('windows', { limit: 1e6 }))),
    sorted(expected.windows),
    message,
  );
  assert.deepEqual(
    sorted(windowedRows(stores.read('groups', { limit: 1e6 }))),
    sorted(expected.groups),
    message,
  );
  assert.deepEqual(
    sorted(stores.read('counted', {}).map(({ key, value }) => [key, value])),
    sorted(expected.counted),
    message,
  );
  assert.deepEqual(sorted(await machine.values('nth')), sorted(expected.nth), message);
  assert.equal((await machine.values('nth')).length, expected.nth.length, message);
  assert.deepEqual(sorted(await machine.values('joined')), sorted(expected.joined), message);
  assert.deepEqual(sorted(await machine.values('copies')), sorted(expected.copies), message);
  assert.equal((await machine.values('copies')).length, expected.copies.length, message);
  const letters = (await machine.values('dead_letters')).map((letter) => (letter as Item).id);
  assert.deepEqual(sorted(letters), sorted(expected.failed), message);
  assert.equal(letters.length, expected.failed.length, message);
  const updates = (await machine.records('windows-out')).flat();
  const last = new Map(
    updates.map(({ key, value }) => [String(key), Number(Buffer.from(value!).toString())]),
  );
  assert.deepEqual(sorted(last), sorted(expected.windows), message);
  if (seed % 2 === 0) {
    const sum = [...expected.windows.values()].reduce((total, count) => total + count, 0);
    assert.equal(updates.length, sum, `${message}: without a cache every update is sent once`);
  }
}

/** More for a long run: `STREAMS_SEEDS=500 node --test …`. */
const SEED_COUNT = Number(process.env['STREAMS_SEEDS'] ?? 8);
const SEEDS = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);

for (const [where, run] of [
  ['on a log in memory', runInMemory],
  ['on the embedded log', runOnDisk],
] as const) {
  test(`killed at random moments, ${where}: as in one batch (seeds 1 to ${SEEDS.length})`, async () => {
    for (const seed of SEEDS) await assertExact(await run(seed), seed);
  });
}
