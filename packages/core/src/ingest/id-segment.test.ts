import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { seededRandom } from '../base/index.ts';
import { IdFilter } from './id-filter.ts';
import { IdSegment } from './id-segment.ts';
import { IdTable, STORED } from './id-table.ts';

const identity = { path: '/dedup/segment-7', sequence: 7, sinceMs: 1_767_225_600_000 };
const pause = async () => {};

async function withSegment(count: number) {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const files = disk.mount();
  await files.makeFolder('/dedup');
  const random = seededRandom(count + 1);
  const unsorted = new Uint32Array(count * 4).map(() => random.next() * 4294967296);
  const table = new IdTable();
  for (let at = 0; at < unsorted.length; at += 4) table.claim(unsorted, at, STORED);
  const sorting = table.sorted();
  let slice = sorting.next();
  while (slice.done !== true) slice = sorting.next();
  const segment = await IdSegment.write(files, identity, { hashes: slice.value, pause });
  return {
    disk,
    files,
    segment,
    present: unsorted,
    absent: new Uint32Array(40_000).map(() => random.next() * 4294967296),
  };
}

for (const count of [1, 2, 254, 255, 256, 5000, 40_000]) {
  test(`a segment of ${count} ids finds each of them and no other, also when opened again`, async () => {
    const { files, segment, present, absent } = await withSegment(count);
    const reopened = await IdSegment.open(files, identity);
    assert.ok(reopened !== undefined);
    assert.deepEqual([reopened.count, reopened.sinceMs, reopened.sequence], [count, identity.sinceMs, 7]);
    for (const each of [segment, reopened]) {
      for (let at = 0; at < Math.min(present.length, 2000 * 4); at += 4) {
        assert.ok(each.mayHave(present, at));
        assert.ok(await each.has(present, at));
      }
      for (let at = 0; at < 400; at += 4) assert.equal(await each.has(absent, at), false);
      await each.retire();
    }
  });
}

test('the filter lets about one absent id in 2,000 through', async () => {
  const { segment, absent } = await withSegment(40_000);
  let passed = 0;
  for (let at = 0; at < absent.length; at += 4) if (segment.mayHave(absent, at)) passed++;
  assert.ok(passed <= 20, `${passed} of ${absent.length / 4}`);
  assert.ok(segment.byteLength < 40_000 * 2.7);
});

test('hashes that share their first word are found across pages', async () => {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const files = disk.mount();
  await files.makeFolder('/dedup');
  const hashes = new Uint32Array(1000 * 4);
  for (let i = 0; i < 1000; i++) hashes.set([i < 100 ? 1 : 5, 0, 0, i], i * 4);
  const segment = await IdSegment.write(files, identity, { hashes, pause });
  for (let i = 0; i < 1000; i++) assert.ok(await segment.has(hashes, i * 4));
  assert.equal(await segment.has(new Uint32Array([5, 0, 0, 5]), 0), false);
  assert.equal(await segment.has(new Uint32Array([0, 0, 0, 5]), 0), false);
});

test('a missing, damaged, shortened or foreign file is not opened', async () => {
  const { disk, files, segment } = await withSegment(5000);
  await segment.retire();
  assert.equal(await IdSegment.open(files, { ...identity, path: '/dedup/segment-8' }), undefined);
  assert.equal(await IdSegment.open(files, { ...identity, sequence: 8 }), undefined);
  assert.equal(await IdSegment.open(files, { ...identity, sinceMs: 0 }), undefined);
  const contents = disk.contents(identity.path);
  for (const bit of [0, 40, 8 * 70, 8 * 5000]) {
    disk.flipBit(identity.path, bit);
    assert.equal(await IdSegment.open(files, identity), undefined, `bit ${bit}`);
    disk.replace(identity.path, contents);
  }
  for (const length of [0, 10, 3000, contents.length - 4096]) {
    disk.replace(identity.path, contents.subarray(0, length));
    assert.equal(await IdSegment.open(files, identity), undefined, `length ${length}`);
  }
});

test('a damaged page is an error, not a wrong answer', async () => {
  const { disk, segment, present } = await withSegment(255);
  disk.flipBit(identity.path, (disk.contents(identity.path).length - 4096 + 100) * 8);
  await assert.rejects(segment.has(present, 0), { code: 'INGEST_DEDUP_UNREADABLE', kind: 'transient' });
});

test('a segment that is retired while it is read closes afterwards', async () => {
  const { segment, present } = await withSegment(300);
  const reading = segment.has(present, 0);
  await segment.retire();
  assert.equal(await reading, true);
});

test('a filter has what was added', () => {
  const random = seededRandom(5);
  const hashes = new Uint32Array(4000).map(() => random.next() * 4294967296);
  const filter = IdFilter.forIds(1000);
  for (let at = 0; at < hashes.length; at += 4) filter.add(hashes, at);
  for (let at = 0; at < hashes.length; at += 4) assert.ok(filter.mayHave(hashes, at));
});
