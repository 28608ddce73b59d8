import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, readValues, rejection, until } from '@millrace/testkit/log';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { VirtualClock } from '@millrace/testkit/clock';
import { type Logger, seededRandom, silentLogger, silentMeter } from '../base/index.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import type { EmbeddedLogLimits } from './embedded-options.ts';
import type { EventLog } from './port.ts';

const FOLDER = '/data/log';
const JOURNAL = `${FOLDER}/journal/00000000000000000001.journal`;

function diskOf(seed = 1): SimulatedDisk {
  return new SimulatedDisk({ random: seededRandom(seed) });
}

function open(
  disk: SimulatedDisk,
  options: { limits?: Partial<EmbeddedLogLimits>; logger?: Logger; clock?: VirtualClock } = {},
): Promise<EventLog> {
  return openEmbeddedLog({
    folder: FOLDER,
    files: disk.mount(),
    clock: options.clock ?? new VirtualClock(),
    meter: silentMeter,
    logger: options.logger ?? silentLogger,
    limits: { journalFileBytes: 4_000, ...options.limits },
  });
}

/** A log that was killed with `count` commits in its journal only: one per record, two partitions in turn. */
async function killedLog(count: number, limits: Partial<EmbeddedLogLimits> = {}): Promise<SimulatedDisk> {
  const disk = diskOf();
  const log = await open(disk, { limits: { journalFileBytes: 8_000, ...limits } });
  await log.createTopic('events', { partitions: 2 });
  for (let i = 0; i < count; i++) await append(log, ['events', i % 2], [`value ${i}`]);
  disk.crash('process');
  return disk;
}

/** A closed log with one record per commit in partition 0, and one record in partition 1. */
async function closedLog(count: number, limits: Partial<EmbeddedLogLimits>): Promise<SimulatedDisk> {
  const disk = diskOf();
  const log = await open(disk, { limits });
  await log.createTopic('events', { partitions: 2 });
  await append(log, ['events', 1], ['other']);
  for (let i = 0; i < count; i++) await append(log, ['events', 0], [`value ${i} ${'.'.repeat(i % 50)}`]);
  await log.close();
  disk.crash('process');
  return disk;
}

/** Ends of the frames in a journal file. */
function frameEnds(journal: Uint8Array): number[] {
  const view = new DataView(journal.buffer, journal.byteOffset);
  const ends: number[] = [];
  for (let at = 0; at + 32 <= journal.length && view.getUint32(at + 4) === 0x4d524c4a;) {
    at += view.getUint32(at + 12);
    ends.push(at);
  }
  return ends;
}

test('[LE2] a journal that was cut anywhere recovers to the frames before the cut', async () => {
  const disk = await killedLog(12);
  const journal = disk.contents(JOURNAL);
  const ends = frameEnds(journal);
  assert.equal(ends.length, 13);
  const restore = disk.save();
  for (let cut = 0; cut <= ends.at(-1)!; cut++) {
    for (const rest of ['missing', 'zeros', 'garbage'] as const) {
      if (rest !== 'missing' && cut % 7 !== 0) continue;
      const torn = rest === 'missing' ? journal.slice(0, cut) : journal.slice();
      if (rest === 'zeros') torn.fill(0, cut);
      if (rest === 'garbage') torn.subarray(cut, ends.at(-1)).fill(0xa5);
      disk.replace(JOURNAL, torn);
      const log = await open(disk);
      // A frame that ends with zeros is not harmed by zeros in their place.
      const frames = ends.filter(
        (end) => Buffer.compare(torn.subarray(0, end), journal.subarray(0, end)) === 0,
      ).length;
      const expected = Math.max(0, frames - 1);
      const seen = frames === 0 ? 0 : log.range('events', 0).endOffset + log.range('events', 1).endOffset;
      assert.equal(seen, expected, `cut at ${cut}, then ${rest}`);
      if (frames > 0) {
        const values = [...(await readValues(log, ['events', 0])), ...(await readValues(log, ['events', 1]))];
        assert.deepEqual(
          values.toSorted(),
          Array.from({ length: expected }, (_, i) => `value ${i}`).toSorted(),
        );
      }
      disk.crash('process');
      restore();
    }
  }
});

test('[LE3] a journal that is damaged before its end is refused, and nothing is changed', async () => {
  const disk = await killedLog(6);
  const journal = disk.contents(JOURNAL);
  const ends = frameEnds(journal);
  const before = disk.paths();
  const lastFrame = ends.at(-2)!;
  for (let bit = 0; bit < lastFrame * 8; bit += 5) {
    disk.flipBit(JOURNAL, bit);
    const error = await rejection(open(disk), 'LOG_CORRUPT_JOURNAL');
    const damaged = ends.findIndex((end) => end > bit / 8);
    const start = ends[damaged - 1] ?? 0;
    assert.deepEqual([error.details['file'], error.details['position']], [JOURNAL, start]);
    assert.equal(error.kind, 'config');
    assert.deepEqual(disk.paths(), before);
    disk.flipBit(JOURNAL, bit);
    assert.deepEqual(disk.contents(JOURNAL), journal);
  }
  const log = await open(disk);
  assert.equal(log.range('events', 0).endOffset, 3);
  await log.close();
});

test('[LE3] a record that holds the bytes of a frame is no frame', async () => {
  const disk = await killedLog(3);
  const journal = disk.contents(JOURNAL);
  const ends = frameEnds(journal);
  // A later frame of another log, inside the record of a torn last frame.
  const forged = journal.slice(ends.at(-2), ends.at(-1));
  new DataView(forged.buffer).setUint32(20, 4_000);
  forged.fill(7, 24, 32);
  const torn = journal.slice();
  torn.fill(0, ends.at(-2));
  torn.set(forged, ends.at(-2)! + 50);
  disk.replace(JOURNAL, torn);
  const log = await open(disk);
  assert.equal(log.range('events', 0).endOffset + log.range('events', 1).endOffset, 2);
  await log.close();
});

test('[LE4] every flipped bit in a segment is found, named, and kept to its place', async () => {
  const disk = await closedLog(30, { recentBytesMax: 0 });
  const path = `${FOLDER}/segments/events-0/00000000000000000000.log`;
  const index = `${FOLDER}/segments/events-0/00000000000000000000.places`;
  const original = disk.contents(path);
  const starts: number[] = [];
  const view = new DataView(original.buffer);
  for (let at = 0; at < original.length; at += 12 + view.getInt32(at + 8)) starts.push(at);
  const restore = disk.save();
  for (let bit = 3; bit < original.length * 8; bit += 97) {
    disk.flipBit(path, bit);
    const hasIndex = bit % 2 === 0;
    if (!hasIndex) await disk.mount().remove(index);
    const log = await open(disk);
    const damaged = starts.findLastIndex((start) => start <= bit / 8);
    const error = await rejection(readValues(log, ['events', 0]), 'LOG_CORRUPT_SEGMENT');
    assert.deepEqual(
      [error.details['file'], error.details['position']],
      [path, starts[damaged]],
      `bit ${bit}`,
    );
    assert.equal(error.details['resumeOffset'], damaged + 1);
    if (damaged > 0) {
      const [first] = await log.read('events', 0, { offset: damaged - 1, bytesMax: 1 });
      assert.equal(first?.baseOffset, damaged - 1);
    }
    const after = await readValues(log, ['events', 0], { offset: damaged + 1 });
    assert.equal(after.length, 29 - damaged, `bit ${bit}`);
    assert.deepEqual(await readValues(log, ['events', 1]), ['other']);
    await log.deleteRecordsBefore('events', 0, damaged + 1);
    assert.equal(await append(log, ['events', 0], ['goes on']), 30);
    assert.equal((await readValues(log, ['events', 0])).length, 30 - damaged);
    disk.crash('process');
    restore();
  }
});

test('[LE4] a segment that is too short or gone is named; the partition still takes records', async () => {
  for (const isGone of [false, true]) {
    const disk = await closedLog(30, { recentBytesMax: 0 });
    const path = `${FOLDER}/segments/events-0/00000000000000000000.log`;
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => errors.push(message) };
    if (isGone) await disk.mount().remove(path);
    else disk.replace(path, disk.contents(path).slice(0, 1_000));
    const log = await open(disk, { logger, limits: { recentBytesMax: 0 } });
    assert.equal(errors.length, 1);
    const error = await rejection(readValues(log, ['events', 0]), 'LOG_CORRUPT_SEGMENT');
    assert.equal(error.details['file'], path);
    assert.equal(await append(log, ['events', 0], ['next']), 30);
    assert.deepEqual(await readValues(log, ['events', 0], { offset: 30 }), ['next']);
    assert.deepEqual(await readValues(log, ['events', 1]), ['other']);
    await log.close();
  }
});

test('[LE5] a full disk refuses commits, keeps nothing of them, and takes them again when there is space', async () => {
  const disk = diskOf();
  const clock = new VirtualClock();
  const log = await open(disk, { clock, limits: { journalFileBytes: 20_000, inPlaceBytesMin: 5_000 } });
  await log.createTopic('events', { partitions: 1 });
  await append(log, ['events', 0], ['before']);
  disk.capacityBytes = disk.usedBytes;
  const refused = await Promise.allSettled([
    append(log, ['events', 0], ['x'.repeat(6_000)]),
    append(log, ['events', 0], ['behind it']),
  ]);
  for (const { reason } of refused as PromiseRejectedResult[]) {
    assert.deepEqual([reason.code, reason.kind], ['LOG_DISK_FULL', 'transient']);
    assert.ok(reason.retryAfterMs > 0);
  }
  assert.equal(log.range('events', 0).endOffset, 1);
  // The journal has room of its own: small commits are taken until they must move to a segment.
  assert.equal(await append(log, ['events', 0], ['small']), 1);
  await clock.advance(6_000);
  const full = await rejection(append(log, ['events', 0], ['refused']), 'LOG_DISK_FULL');
  assert.ok(full.retryAfterMs! > 0);
  disk.capacityBytes = Infinity;
  await clock.advance(2_000);
  assert.equal(await append(log, ['events', 0], ['after', 'x'.repeat(6_000)]), 2);
  assert.deepEqual(
    (await readValues(log, ['events', 0])).map((value) => value.slice(0, 8)),
    ['before', 'small', 'after', 'xxxxxxxx'],
  );
  await log.close();
});

test('[LE5] a disk that is full at the start is said to be full, and nothing is lost', async () => {
  const disk = await killedLog(20);
  disk.capacityBytes = disk.usedBytes;
  assert.equal((await rejection(open(disk), 'LOG_DISK_FULL')).kind, 'transient');
  disk.capacityBytes = Infinity;
  const log = await open(disk);
  assert.equal(log.range('events', 0).endOffset, 10);
  await log.close();
});

test('[LE6] a failed sync ends the log; what was acknowledged before is there after a new start', async () => {
  for (const [path, limits] of [
    [/journal$/, {}],
    [/segments\/events-0/, { inPlaceBytesMin: 0 }],
  ] as const) {
    const disk = diskOf();
    const log = await open(disk, { limits });
    await log.createTopic('events', { partitions: 1 });
    await append(log, ['events', 0], ['acknowledged']);
    disk.inject({ operation: 'sync', path, code: 'EIO' });
    const [first, second] = await Promise.all([
      rejection(append(log, ['events', 0], ['not acknowledged']), 'LOG_SYNC_FAILED'),
      rejection(append(log, ['events', 0], ['behind it']), 'LOG_SYNC_FAILED'),
    ]);
    assert.deepEqual([first.kind, second.kind], ['fatal', 'fatal']);
    await rejection(append(log, ['events', 0], ['later']), 'LOG_SYNC_FAILED');
    assert.deepEqual(await readValues(log, ['events', 0]), ['acknowledged']);
    await log.close();
    const again = await open(disk, { limits });
    const values = await readValues(again, ['events', 0]);
    assert.equal(values[0], 'acknowledged');
    assert.ok(values.length === 1 || values.length === 3, values.join());
    await again.close();
  }
});

test('[LE6] a segment that cannot be synced ends the log, and is written again from the journal', async () => {
  const disk = diskOf();
  const clock = new VirtualClock();
  const errors: string[] = [];
  const log = await open(disk, {
    clock,
    logger: { ...silentLogger, error: (message) => errors.push(message) },
    limits: { journalFileBytes: 100_000 },
  });
  await log.createTopic('events', { partitions: 1 });
  for (let i = 0; i < 50; i++) await append(log, ['events', 0], [`value ${i}`]);
  disk.inject({ operation: 'sync', path: /segments/, code: 'EIO' });
  await clock.advance(6_000);
  await until(() => errors.length > 0);
  await rejection(append(log, ['events', 0], ['later']), 'LOG_SYNC_FAILED');
  disk.crash('power');
  const again = await open(disk);
  assert.equal((await readValues(again, ['events', 0])).length, 50);
  await again.close();
});

test('[LE7] newer formats and damaged or missing checkpoints are refused', async () => {
  const checkpoint = `${FOLDER}/checkpoint`;
  const newer = await closedLog(3, {});
  newer.replace(`${FOLDER}/format`, Buffer.from('3\n'));
  const refused = await rejection(open(newer), 'LOG_UNSUPPORTED_FORMAT');
  assert.deepEqual([refused.details['found'], refused.details['known']], [3, 2]);

  const damaged = await closedLog(3, {});
  const { length } = damaged.contents(checkpoint);
  for (let bit = 0; bit < length * 8; bit += 31) {
    damaged.flipBit(checkpoint, bit);
    const error = await open(damaged).then(
      () => assert.fail(`bit ${bit} was not found`),
      (reason: { code: string; details: Record<string, unknown> }) => reason,
    );
    assert.match(error.code, /^LOG_(CORRUPT_METADATA|UNSUPPORTED_FORMAT)$/);
    assert.equal(error.details['file'], checkpoint);
    damaged.flipBit(checkpoint, bit);
  }
  await damaged.mount().remove(checkpoint);
  assert.equal((await rejection(open(damaged), 'LOG_CORRUPT_METADATA')).details['file'], checkpoint);

  const forgotten = await closedLog(3, {});
  await forgotten.mount().remove(checkpoint);
  await forgotten.mount().remove(`${FOLDER}/format`);
  await rejection(open(forgotten), 'LOG_CORRUPT_METADATA');
});

test('[LE7] an older checkpoint than the journal goes with is refused', async () => {
  const disk = diskOf();
  const log = await open(disk);
  await log.createTopic('events', { partitions: 1 });
  const old = disk.contents(`${FOLDER}/checkpoint`);
  for (let i = 0; i < 100; i++) await append(log, ['events', 0], [`value ${i} ${'.'.repeat(200)}`]);
  await log.close();
  disk.replace(`${FOLDER}/checkpoint`, old);
  await rejection(open(disk), 'LOG_CORRUPT_JOURNAL');
});

test('a closed log whose journal files were deleted goes on, and loses nothing at the next crash', async () => {
  const disk = await closedLog(20, {});
  const files = disk.mount();
  for (const path of disk.paths()) if (path.includes('/journal/')) await files.remove(path);
  const log = await open(disk, { limits: { journalFileBytes: 100_000 } });
  assert.equal(await append(log, ['events', 0], ['after']), 20);
  disk.crash('power');
  const again = await open(disk);
  assert.equal((await readValues(again, ['events', 0])).at(-1), 'after');
  await again.close();
});

test('[LE9] an index that is missing, damaged or too short is built again', async () => {
  const values = Array.from({ length: 60 }, (_, i) => `${i} ${'v'.repeat(2_000)}`);
  const disk = diskOf();
  const limits = { segmentBytes: 1 << 20, recentBytesMax: 0, journalFileBytes: 50_000 };
  let log = await open(disk, { limits });
  await log.createTopic('events', { partitions: 1 });
  for (const value of values) await append(log, ['events', 0], [value]);
  await log.close();
  const path = `${FOLDER}/segments/events-0/00000000000000000000.places`;
  const whole = disk.contents(path);
  assert.ok(whole.length > 4 + 16 * 3, `${whole.length}`);
  const flipped = whole.slice();
  flipped[9]! ^= 1;
  for (const contents of [undefined, new Uint8Array(0), whole.slice(0, 50), flipped]) {
    if (contents === undefined) await disk.mount().remove(path);
    else disk.replace(path, contents);
    log = await open(disk, { limits });
    const fromMiddle = await readValues(log, ['events', 0], { offset: 37, bytesMax: 1 });
    assert.deepEqual(fromMiddle, values.slice(37));
    await log.close();
    assert.deepEqual(disk.contents(path), whole);
  }
});
