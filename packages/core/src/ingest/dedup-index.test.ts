import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { drive, LogDisk, MemoryLog } from '@millrace/testkit/ingest';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { seededRandom, silentLogger, silentMeter } from '../base/index.ts';
import { RecordBatchBuilder } from '../log/index.ts';
import { DedupIndex, type DedupIndexOptions } from './dedup-index.ts';
import { STORED } from './id-table.ts';

const HOUR_MS = 3_600_000;
const FOLDER = '/dedup/events';

/** Ids that arrive as ingest sees them: claimed, appended to the log, settled. */
class World {
  readonly clock = new VirtualClock(1_700_000_400_000);
  readonly disk = new SimulatedDisk({ random: seededRandom(4) });
  readonly errors: string[] = [];
  logDisk = new LogDisk();
  log!: MemoryLog;
  index!: DedupIndex;
  reads: number[] = [];
  #owner = STORED;

  async open(options: Partial<DedupIndexOptions> = {}): Promise<void> {
    this.log = new MemoryLog(this.clock, this.logDisk);
    await this.log.createTopic('events', { partitions: 2 });
    this.reads = [];
    const { log, reads } = this;
    const read = log.read.bind(log);
    log.read = (topic, partition, { offset, bytesMax }) => {
      reads.push(offset);
      return read(topic, partition, { offset, bytesMax });
    };
    const opening = DedupIndex.open({
      log,
      topic: 'events',
      idField: 'event_id',
      clock: this.clock,
      random: seededRandom(8),
      files: this.disk.mount(),
      folder: FOLDER,
      windowMs: 24 * HOUR_MS,
      meter: silentMeter,
      logger: { ...silentLogger, error: (message) => this.errors.push(message) },
      ...options,
    });
    this.index = await drive(this.clock, opening);
  }

  /** The machine stops at once; the next `open` finds what is on the disk. */
  crash(): void {
    this.disk.crash('process');
  }

  close(): Promise<void> {
    return drive(this.clock, this.index.close());
  }

  claimsOf(ids: readonly string[]) {
    const claims = {
      owner: ++this.#owner,
      hashes: new Uint32Array(ids.length * 4),
      holders: new Uint32Array(ids.length),
    };
    for (const [i, id] of ids.entries()) this.index.hash(id, claims.hashes, i * 4);
    return { claims, events: ids.map((_, i) => i) };
  }

  /** True for each id that was new; new ids are stored in a partition. */
  async send(ids: readonly string[], partition = 0): Promise<boolean[]> {
    const { claims, events } = this.claimsOf(ids);
    this.index.claim(events, claims, this.clock.nowMs());
    await this.index.findSealed(events, claims);
    const fresh = ids.filter((_, i) => claims.holders[i] === 0);
    if (fresh.length > 0) {
      const baseOffset = await this.append(fresh, partition);
      this.index.settle(events, claims);
      this.index.advance(partition, baseOffset, fresh.length);
    } else {
      this.index.withdraw(events, claims);
    }
    return events.map((event) => claims.holders[event] === 0);
  }

  /** Appends to the log without telling the index. */
  async append(ids: readonly string[], partition = 0): Promise<number> {
    const batch = new RecordBatchBuilder({ createdAtMs: this.clock.nowMs() });
    for (const id of ids) batch.append(null, Buffer.from(JSON.stringify({ event_id: id })));
    const { baseOffsets } = await this.log.commit({ appends: [{ topic: 'events', partition, batch }] });
    return baseOffsets[0]!;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let i = 0; i < 5; i++) await this.clock.advance(0);
  }

  files(kind: string): string[] {
    return this.disk.paths().filter((path) => path.startsWith(`${FOLDER}/${kind}`));
  }
}

const idsOf = (count: number, prefix = 'e') => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const allOf = (count: number, isNew: boolean) => Array.from({ length: count }, () => isNew);

test('full parts are sealed, and their ids are found on disk', async () => {
  const world = new World();
  await world.open({ partEntriesMax: 100 });
  const ids = idsOf(1000);
  for (let i = 0; i < 1000; i += 50) {
    assert.deepEqual(await world.send(ids.slice(i, i + 50)), allOf(50, true));
    await world.pass(0);
  }
  assert.ok(world.files('segment').length >= 8);
  assert.equal(world.index.count, 1000);
  assert.deepEqual(await world.send(ids), allOf(1000, false));
  assert.deepEqual(await world.send(idsOf(50, 'other')), allOf(50, true));
  await world.close();
  await world.open({ partEntriesMax: 100 });
  assert.deepEqual(await world.send([...ids, ...idsOf(50, 'other')]), allOf(1050, false));
});

test('a clean start reads nothing of the log, a start after a crash only its tail', async () => {
  const world = new World();
  await world.open();
  await world.send(idsOf(100, 'a'), 0);
  await world.send(idsOf(100, 'b'), 1);
  await world.close();
  await world.open();
  assert.deepEqual(world.reads, []);

  await world.send(idsOf(100, 'c'), 1);
  await world.pass(1500);
  await world.send(idsOf(10, 'd'), 1);
  world.crash();
  await world.open();
  assert.deepEqual(world.reads, [200]);
  for (const prefix of ['a', 'b', 'c'])
    assert.deepEqual(await world.send(idsOf(100, prefix)), allOf(100, false));
  assert.deepEqual(await world.send(idsOf(10, 'd')), allOf(10, false));
});

test('partitions that came after the checkpoint are read from their beginning', async () => {
  const world = new World();
  await world.open();
  await world.send(['a']);
  await world.close();
  await world.log.addPartitions('events', 4);
  await world.append(['b'], 3);
  await world.open();
  assert.deepEqual(await world.send(['a', 'b', 'c']), [false, false, true]);
});

for (const [what, damage] of [
  ['a segment is damaged', (world: World) => world.disk.flipBit(world.files('segment')[0]!, 100)],
  ['the journal is gone', (world: World) => world.disk.mount().remove(world.files('journal')[0]!)],
  [
    'the journal is empty',
    (world: World) => world.disk.replace(world.files('journal')[0]!, new Uint8Array(0)),
  ],
  [
    'the manifest is no JSON',
    (world: World) => world.disk.replace(`${FOLDER}/manifest.json`, new Uint8Array([1])),
  ],
  ['everything is gone', (world: World) => world.disk.mount().removeFolder(FOLDER)],
] as const) {
  test(`the index is derived from the log when ${what}`, async () => {
    const world = new World();
    await world.open({ partEntriesMax: 50 });
    const ids = idsOf(200);
    for (let i = 0; i < 200; i += 20) {
      await world.send(ids.slice(i, i + 20), i % 2);
      await world.pass(0);
    }
    await world.close();
    await damage(world);
    await world.open({ partEntriesMax: 50 });
    assert.ok(world.reads.length > 0);
    assert.deepEqual(await world.send([...ids, 'new']), [...allOf(200, false), true]);
    assert.ok(world.files('segment').length > 0);
    assert.equal(world.files('journal').length, 1);
  });
}

test('an index that is ahead of the log is not believed', async () => {
  const world = new World();
  await world.open();
  await world.send(['a', 'b', 'c']);
  await world.close();
  world.logDisk = new LogDisk();
  await world.open();
  assert.deepEqual(await world.send(['a']), [true]);
});

test('an index with another id field is not believed', async () => {
  const world = new World();
  await world.open();
  await world.send(['a']);
  await world.close();
  await world.open({ idField: 'order_id' });
  assert.equal(world.index.count, 0);
});

test('ids are forgotten after the window, with their files', async () => {
  const world = new World();
  await world.open();
  for (let hour = 0; hour < 30; hour++) {
    assert.deepEqual(await world.send([`hour-${hour}`, 'first']), [true, hour === 0 || hour === 26]);
    await world.pass(HOUR_MS);
    assert.ok(world.files('segment').length <= 26);
  }
  assert.equal(world.index.windowMs(world.clock.nowMs()), 24 * HOUR_MS);
  assert.deepEqual(await world.send(['hour-29', 'hour-6', 'hour-2']), [false, false, true]);
});

test('memory is freed from the oldest end, and the window says so', async () => {
  const world = new World();
  await world.open();
  for (let hour = 0; hour < 5; hour++) {
    await world.send([`hour-${hour}`]);
    await world.pass(HOUR_MS);
  }
  await world.send(['now']);
  await world.pass(0);
  assert.equal(world.index.windowMs(world.clock.nowMs()), 24 * HOUR_MS);
  world.index.dropOldest();
  world.index.dropOldest();
  await world.pass(0);
  assert.equal(world.index.windowMs(world.clock.nowMs()), 3 * HOUR_MS);
  assert.deepEqual(await world.send(['hour-0', 'hour-1', 'hour-2', 'hour-4']), [true, true, false, false]);
  await world.close();
  await world.open();
  assert.equal(world.index.windowMs(world.clock.nowMs()), 3 * HOUR_MS);
  assert.equal(world.files('segment').length, 3);
});

test('claims that are open while an hour passes are settled in their part', async () => {
  const world = new World();
  await world.open();
  const { claims, events } = world.claimsOf(['slow', 'failing']);
  world.index.claim(events, claims, world.clock.nowMs());
  await world.pass(HOUR_MS);
  await world.send(['later']);
  const twin = world.claimsOf(['slow']);
  world.index.claim(twin.events, twin.claims, world.clock.nowMs());
  assert.equal(twin.claims.holders[0], claims.owner);

  // The part cannot be sealed, so what is settled now must be in the journal.
  world.disk.inject({ operation: 'write', path: /segment/, code: 'ENOSPC', times: Infinity });
  const baseOffset = await world.append(['slow'], 1);
  world.index.settle([0], claims);
  world.index.withdraw([1], claims);
  world.index.advance(1, baseOffset, 1);
  await world.pass(5000);
  world.crash();
  world.disk.healAll();
  await world.open();
  assert.deepEqual(await world.send(['slow', 'failing', 'later']), [false, true, false]);
});

test('after a journal that could not be written nothing is missing', async () => {
  const world = new World();
  await world.open();
  await world.send(['a']);
  world.disk.inject({ operation: 'write', path: /journal/, code: 'ENOSPC', times: 1 });
  await world.pass(1000);
  await world.send(['b']);
  await world.pass(5000);
  await world.send(['c']);
  world.crash();
  await world.open();
  assert.deepEqual(await world.send(['a', 'b', 'c']), [false, false, false]);
});

test('what another producer appended is found in the log', async () => {
  const world = new World();
  await world.open();
  await world.append(['foreign', 'other']);
  assert.deepEqual(await world.send(['own']), [true]);
  await world.pass(1500);
  assert.deepEqual(await world.send(['foreign', 'own']), [false, false]);
  world.crash();
  await world.open();
  assert.deepEqual(world.reads, []);
  assert.deepEqual(await world.send(['foreign', 'other', 'own']), [false, false, false]);
});

test('records that are no events do not disturb', async () => {
  const world = new World();
  await world.open();
  const batch = new RecordBatchBuilder({ createdAtMs: 0 });
  for (const value of ['no json', '5', 'null', '{"event_id":7}', '{"event_id":""}', '{"event_id":"x"}']) {
    batch.append(null, Buffer.from(value));
  }
  batch.append(null, null);
  await world.log.commit({ appends: [{ topic: 'events', partition: 0, batch }] });
  world.crash();
  await world.open();
  assert.equal(world.index.count, 1);
  assert.deepEqual(await world.send(['x']), [false]);
});

test('while nothing can be written, memory stays bounded and the window shrinks', async () => {
  const world = new World();
  await world.open({ partEntriesMax: 10 });
  world.disk.inject({ operation: 'write', code: 'ENOSPC', times: Infinity });
  for (let i = 0; i < 30; i++) {
    await world.send(idsOf(10, `batch${i}`));
    await world.pass(2000);
  }
  assert.ok(world.errors.length > 0);
  assert.ok(world.index.count <= 70);
  assert.ok(world.index.windowMs(world.clock.nowMs()) <= 7 * 2000);
  assert.deepEqual(await world.send(['batch29-0', 'batch0-0']), [false, true]);
  world.disk.healAll();
  await world.pass(2000);
  assert.ok(world.files('segment').length > 0);
});

test('a clock that goes back does not lose ids', async () => {
  const world = new World();
  await world.open();
  await world.send(['a']);
  const { claims, events } = world.claimsOf(['a', 'b']);
  world.index.claim(events, claims, world.clock.nowMs() - 5 * HOUR_MS);
  assert.deepEqual([...claims.holders], [STORED, 0]);
});
