import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { readAll, rejection, testCodecs, valueOf } from '@millrace/testkit/log';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { type Random, seededRandom, silentLogger, silentMeter } from '../base/index.ts';
import { crc32c } from './checksum.ts';
import { LogConsumer } from './consumer.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import type { EmbeddedLogLimits } from './embedded-options.ts';
import type { EventLog, TopicConfig } from './port.ts';
import { RecordBatchBuilder } from './record-batch-builder.ts';
import { decodeBatches } from './record-batch.ts';

const FOLDER = '/data/log';
const SEGMENTS = `${FOLDER}/segments/users-0`;
const INTERVAL_MS = 1_000;
const SMALL = {
  segmentBytes: 600,
  journalFileBytes: 8_000,
  recentBytesMax: 0,
  retentionIntervalMs: INTERVAL_MS,
};
const bytes = (text: string) => new TextEncoder().encode(text);

interface Compacted {
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  log: EventLog;
  /** After a crash. */
  open(): Promise<void>;
  reopen(): Promise<void>;
}

async function start(
  topic: Partial<TopicConfig> = {},
  limits: Partial<EmbeddedLogLimits> = {},
): Promise<Compacted> {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const clock = new VirtualClock(1_000_000);
  const open = () =>
    openEmbeddedLog({
      folder: FOLDER,
      files: disk.mount(),
      clock,
      codecs: testCodecs,
      meter: silentMeter,
      logger: silentLogger,
      limits: { ...SMALL, ...limits },
    });
  const compacted = {
    disk,
    clock,
    log: await open(),
    async open() {
      compacted.log = await open();
    },
    async reopen() {
      await compacted.log.close();
      disk.crash('process');
      compacted.log = await open();
    },
  };
  await compacted.log.createTopic('users', { partitions: 1, cleanup: 'compact', ...topic });
  return compacted;
}

/** Appends records, each a batch of its own: `key=value`, or `key` for a tombstone. */
async function put(log: EventLog, ...records: readonly string[]): Promise<void> {
  for (const record of records) {
    const [key = '', value] = record.split('=');
    const batch = new RecordBatchBuilder({ createdAtMs: 5 });
    batch.append(bytes(key), value === undefined ? null : bytes(value));
    await log.commit({ appends: [{ topic: 'users', partition: 0, batch }] });
  }
}

/** Closes the segment that is being written, by a key that nothing else has. */
async function roll(log: EventLog, name: string): Promise<void> {
  await put(log, `${name}=${'.'.repeat(600)}`, `${name}=end`);
}

/** Checkpoints bring everything into the segments, then compaction passes over them. */
async function compact({ clock }: Compacted): Promise<void> {
  for (let i = 0; i < 12; i++) await clock.advance(INTERVAL_MS);
}

/** What a reader from the start ends with, and the records that it met: `offset key`. */
async function read(log: EventLog): Promise<{ table: Record<string, string>; met: string[] }> {
  const table: Record<string, string> = {};
  const met: string[] = [];
  for (const record of await readAll(log, ['users', 0], { bytesMax: 300 })) {
    const key = Buffer.from(record.key!).toString();
    met.push(`${record.offset} ${key}`);
    if (record.value === null) delete table[key];
    else table[key] = valueOf(record);
  }
  return { table, met };
}

function files(disk: SimulatedDisk): string[] {
  return disk
    .paths()
    .filter((path) => path.startsWith(SEGMENTS) && path.endsWith('.log'))
    .map((path) => path.slice(SEGMENTS.length + 1))
    .toSorted();
}

test('[LP1] closed segments keep the newest record of each key, at its offset', async () => {
  const users = await start();
  const { log } = users;
  await put(log, 'ann=1', 'bob=1', 'ann=2', 'cid=1', 'bob=2', 'ann=3');
  await roll(log, 'x');
  await compact(users);
  const { table, met } = await read(log);
  assert.deepEqual(met, ['3 cid', '4 bob', '5 ann', '6 x', '7 x']);
  assert.deepEqual([table['ann'], table['bob'], table['cid']], ['3', '2', '1']);
  assert.deepEqual(log.range('users', 0), { startOffset: 0, endOffset: 8 });
  // Any offset can be read from, also one whose record is gone.
  for (let offset = 0; offset < 8; offset++) {
    const records = await readAll(log, ['users', 0], { offset, bytesMax: 1 });
    const expected = [3, 4, 5, 6, 7].filter((each) => each >= offset);
    assert.deepEqual(
      records.map((record) => record.offset),
      expected,
    );
  }
  await users.reopen();
  assert.deepEqual((await read(users.log)).met, met);
  await users.log.close();
});

test('[LP2] a tombstone stays for its time after what it deletes is gone, then goes', async () => {
  const users = await start({ tombstoneRetentionMs: 100_000 });
  const { log } = users;
  await put(log, 'ann=1');
  await roll(log, 'x');
  await put(log, 'ann');
  // The time counts from the pass that removes the value, however old the tombstone is then.
  await users.clock.advance(500_000);
  await roll(log, 'y');
  await compact(users);
  assert.ok(!(await read(log)).met.includes('0 ann'));
  for (let i = 0; i < 4; i++) {
    await roll(log, `z${i}`);
    await compact(users);
    assert.ok((await read(log)).met.includes('3 ann'), `pass ${i}`);
  }
  await users.clock.advance(100_000);
  for (let i = 0; i < 6; i++) await roll(log, `w${i}`);
  await compact(users);
  assert.ok(!(await read(log)).met.includes('3 ann'));
  assert.equal((await read(log)).table['ann'], undefined);
  await log.close();
});

test('[LP3] records without a key are refused; so are compacted topics without keys', async () => {
  const { log } = await start();
  const batch = new RecordBatchBuilder({ createdAtMs: 5 });
  batch.append(bytes('ann'), bytes('1'));
  batch.append(null, bytes('1'));
  const refused = log.commit({ appends: [{ topic: 'users', partition: 0, batch }] });
  await rejection(refused, 'LOG_KEY_REQUIRED');
  assert.equal(log.range('users', 0).endOffset, 0);
  const wrong: readonly TopicConfig[] = [
    { partitions: 1, cleanup: 'compact', keyed: false },
    { partitions: 1, cleanup: 'both' as 'compact' },
    { partitions: 1, cleanup: 'compact', tombstoneRetentionMs: -1 },
  ];
  for (const config of wrong) await rejection(log.createTopic('other', config), 'LOG_INVALID_TOPIC');
  assert.equal(log.describe('other'), undefined);
  await log.close();
});

test('[LP4] a compacted topic has no retention; deleteRecordsBefore and a change to delete work on it', async () => {
  const users = await start({ retentionMs: 1_000, retentionBytes: 1 });
  const { log, clock, disk } = users;
  for (let i = 0; i < 20; i++) await put(log, `ann=${i}`, `bob${i}=1`);
  await clock.advance(100_000);
  assert.deepEqual(Object.keys((await read(log)).table).length, 21);
  await log.deleteRecordsBefore('users', 0, 30);
  const left = { ann: '19', bob15: '1', bob16: '1', bob17: '1', bob18: '1', bob19: '1' };
  assert.deepEqual((await read(log)).table, left);
  assert.deepEqual(log.range('users', 0), { startOffset: 30, endOffset: 40 });
  await log.createTopic('users', { partitions: 1, retentionMs: 1_000 });
  await clock.advance(100_000);
  assert.deepEqual(log.range('users', 0), { startOffset: 40, endOffset: 40 });
  assert.deepEqual(files(disk), []);
  await log.close();
});

/** Random puts over few keys, in batches; what must be there at the end. */
async function putMany(users: Compacted, random: Random, rounds: number): Promise<Map<string, string>> {
  const expected = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    const batch = new RecordBatchBuilder({ createdAtMs: 5 });
    for (let i = 0; i < 1 + random.next() * 9; i++) {
      const key = `user-${Math.floor(random.next() ** 3 * 60)}`;
      const isDeletion = random.next() < 0.2;
      const value = `${round}.${i} ${'.'.repeat(random.next() * 60)}`;
      batch.append(bytes(key), isDeletion ? null : bytes(value));
      if (isDeletion) expected.delete(key);
      else expected.set(key, value);
    }
    await users.log.commit({ appends: [{ topic: 'users', partition: 0, batch }] });
    if (round % 40 === 0) await compact(users);
  }
  return expected;
}

/** Puts at random, compacts, and compares with what must be there; gives the disk of the closed log back. */
async function checkTables(
  t: TestContext,
  limits: Partial<EmbeddedLogLimits>,
  topic: Partial<TopicConfig>,
): Promise<SimulatedDisk> {
  const seed = Math.floor(Math.random() * 1e9);
  t.diagnostic(`seed ${seed}`);
  const users = await start(topic, limits);
  const expected = await putMany(users, seededRandom(seed), 400);
  for (let i = 0; i < 5; i++) await compact(users);
  const { endOffset } = users.log.range('users', 0);
  const { table, met } = await read(users.log);
  assert.deepEqual(new Map(Object.entries(table)), expected);
  assert.ok(met.length < endOffset / 4, `${met.length} of ${endOffset} records are left`);
  await users.reopen();
  assert.deepEqual((await read(users.log)).table, table);
  const consumer = new LogConsumer({ log: users.log, clock: users.clock, group: 'g', topics: ['users'] });
  let polledRecords = 0;
  for (;;) {
    const polled = await consumer.poll({ bytesMax: 2_000 });
    if (polled.length === 0) break;
    for (const { batches, skippedRecords } of polled) {
      assert.equal(skippedRecords, 0);
      for (const batch of batches) polledRecords += batch.count;
    }
  }
  assert.equal(polledRecords, met.length);
  assert.deepEqual(consumer.lag(), [{ topic: 'users', partition: 0, lagRecords: 0 }]);
  await users.log.close();
  return users.disk;
}

test('[LP1] a reader from the start ends with the newest values, whatever was put', async (t) => {
  const disk = await checkTables(t, { segmentBytes: 2_000 }, { tombstoneRetentionMs: 0 });
  // Some sixty were written. Those that became small are one again, but for those of the last passes.
  assert.ok(files(disk).length <= 20, files(disk).join());
  assert.ok(Number(files(disk)[1]!.slice(0, 20)) > 800, files(disk).join());
});

test('[LP1] the same of compressed topics', async (t) => {
  await checkTables(t, { segmentBytes: 2_000 }, { compression: 'zstd' });
});

test('[LP1] the same with memory for a few keys only', async (t) => {
  await checkTables(t, { segmentBytes: 2_000, compactionBytesMax: 800 }, { tombstoneRetentionMs: 5_000 });
});

test('[LP5] compacted segments are whole batches without a gap, and damage in them is found', async () => {
  const users = await start();
  for (let i = 0; i < 12; i++) await put(users.log, `ann=${i}`, `bob=${i}`, `cid${i % 3}=${i}`);
  await roll(users.log, 'x');
  await compact(users);
  await users.log.close();
  const path = users.disk.paths().find((each) => {
    if (!/\.\d+\.log$/.test(each)) return false;
    const counts = decodeBatches(users.disk.contents(each)).map(({ count }) => count);
    return counts.includes(0) && counts.includes(1);
  });
  assert.ok(path !== undefined, 'a segment with records and with holes');
  const batches = decodeBatches(users.disk.contents(path));
  let next = batches[0]!.baseOffset;
  for (const batch of batches) {
    assert.equal(batch.baseOffset, next);
    assert.ok(batch.matchesChecksum(crc32c));
    next = batch.lastOffset + 1;
  }
  users.disk.crash('process');
  const length = users.disk.contents(path).length * 8;
  for (let bit = 0; bit < length; bit += 7) {
    users.disk.flipBit(path, bit);
    await users.reopen();
    await rejection(read(users.log), 'LOG_CORRUPT_SEGMENT');
    users.disk.flipBit(path, bit);
  }
});

test('[LP5] offsetAtTime of a compacted partition is not after the first record of that time', async () => {
  const users = await start();
  const { log, clock } = users;
  const times: number[] = [];
  for (let i = 0; i < 40; i++) {
    times.push(clock.nowMs());
    await put(log, `user-${i % 4}=${i}`);
    await clock.advance(10);
  }
  await roll(log, 'x');
  await compact(users);
  for (const [i, timeMs] of times.entries()) {
    const offset = await log.offsetAtTime('users', 0, timeMs);
    const after = (await readAll(log, ['users', 0])).filter((record) => record.timestampMs >= timeMs);
    assert.ok(offset <= after[0]!.offset, `time ${i}: ${offset}`);
    const read = (await readAll(log, ['users', 0], { offset })).map((record) => record.offset);
    assert.deepEqual(
      read.filter((each) => after.some((record) => record.offset === each)),
      after.map((record) => record.offset),
    );
  }
  await log.close();
});

/** A compacted segment, and behind it closed ones in which values are replaced and deleted. */
async function halfCompacted(): Promise<Compacted> {
  const users = await start({ tombstoneRetentionMs: 0 });
  await put(users.log, 'ann=1', 'bob=1', 'cid=1', 'dan=1', 'eve=1');
  await roll(users.log, 'x');
  await compact(users);
  await put(users.log, 'ann=2', 'cid=2', 'bob=2');
  await roll(users.log, 'y');
  await put(users.log, 'ann', 'cid=3', 'dan');
  await roll(users.log, 'z');
  await put(users.log, 'bob');
  await roll(users.log, 'v');
  return users;
}

test('[LP5] a crash at any step of a pass leaves what a pass leaves, also after further passes', async (t) => {
  let crashes = 0;
  // Every second step: the odd ones or the even ones.
  const first = Math.random() < 0.5 ? 1 : 2;
  t.diagnostic(`from step ${first}`);
  for (let step = first; ; step += 2) {
    const users = await halfCompacted();
    const { disk } = users;
    const crashed = disk.crashed;
    disk.crashAtStep = disk.steps + step;
    await Promise.race([compact(users), crashed]);
    if (disk.crashes === 0) break;
    crashes++;
    await users.open();
    const expected = { cid: '3', eve: '1', x: 'end', y: 'end', z: 'end', v: 'end' };
    assert.deepEqual((await read(users.log)).table, expected, `step ${step}`);
    for (let i = 0; i < 3; i++) {
      for (let n = 0; n < 4; n++) await roll(users.log, 'w');
      await compact(users);
    }
    const { table, met } = await read(users.log);
    assert.deepEqual(table, { ...expected, w: 'end' }, `step ${step}`);
    for (const gone of ['ann', 'bob', 'dan']) {
      assert.ok(!met.some((each) => each.endsWith(` ${gone}`)), `step ${step}: ${gone} is still there`);
    }
    await users.log.close();
  }
  assert.ok(crashes > 40, `${crashes} crashes`);
});
