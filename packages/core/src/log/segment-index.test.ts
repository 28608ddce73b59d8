import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from './checksum.ts';
import { type IndexEntry, SegmentIndex } from './segment-index.ts';

/** Batches of a segment that begins at offset 1000, in order. */
const batches = fc
  .array(fc.record({ count: fc.integer({ min: 1, max: 50 }), bytes: fc.integer({ min: 61, max: 40_000 }) }), {
    minLength: 1,
    maxLength: 60,
  })
  .map((sizes) => {
    const entries: IndexEntry[] = [];
    let baseOffset = 1000;
    let position = 0;
    sizes.forEach(({ count, bytes }, i) => {
      entries.push({ baseOffset, position, appendedAtMs: 50_000 + Math.floor(i / 3) });
      baseOffset += count;
      position += bytes;
    });
    return entries;
  });

function indexOf(entries: readonly IndexEntry[]): SegmentIndex {
  const index = new SegmentIndex(1000);
  for (const entry of entries) index.note(entry);
  return index;
}

test('the index points at or before the batch, and near it', () => {
  fc.assert(
    fc.property(batches, (entries) => {
      const index = indexOf(entries);
      entries.forEach((entry, i) => {
        const found = index.before(entry.baseOffset);
        assert.ok(found && found.position <= entry.position);
        // Behind an entry no further one is made for 16 KiB: that, and one batch, is the most to walk.
        assert.ok(entry.position - found.position < (16 << 10) + 40_000);
        const first = entries.findIndex(({ appendedAtMs }) => appendedAtMs >= entry.appendedAtMs);
        assert.ok((index.beforeTime(entry.appendedAtMs)?.position ?? 0) <= entries[first]!.position, `${i}`);
      });
      assert.equal(index.before(999), undefined);
    }),
  );
});

test('the index comes back from its file; damage is found', () => {
  fc.assert(
    fc.property(batches, fc.nat(), (entries, somewhere) => {
      const index = indexOf(entries);
      const bytes = index.encode(crc32c);
      const again = SegmentIndex.decode(1000, bytes, crc32c);
      assert.deepEqual(again?.encode(crc32c), bytes);
      assert.deepEqual(again?.last(), index.last());
      const damaged = bytes.slice();
      damaged[somewhere % bytes.length]! ^= 16;
      assert.equal(SegmentIndex.decode(1000, damaged, crc32c), undefined);
      assert.equal(SegmentIndex.decode(1000, bytes.subarray(0, bytes.length - 1), crc32c), undefined);
    }),
  );
});

test('truncating, prepending and inserting keep the order', () => {
  fc.assert(
    fc.property(batches, fc.nat({ max: 60 }), (entries, at) => {
      const split = Math.min(at, entries.length);
      const whole = indexOf(entries);
      const early = indexOf(entries);
      const splitPosition = entries[split]?.position ?? Infinity;
      early.truncate(splitPosition);
      const late = new SegmentIndex(1000);
      for (let i = 0; i < whole.count; i++) {
        const entry = nth(whole, i);
        if (entry.position >= splitPosition) late.insert(entry);
      }
      late.prepend(early);
      assert.deepEqual(late.encode(crc32c), whole.encode(crc32c));
      for (const entry of entries.toReversed()) late.insert(entry);
      assert.equal(late.count, entries.length);
      entries.forEach((entry) => assert.deepEqual(late.before(entry.baseOffset), entry));
    }),
  );
});

function nth(index: SegmentIndex, i: number): IndexEntry {
  const copy = SegmentIndex.decode(1000, index.encode(crc32c), crc32c)!;
  const positions: IndexEntry[] = [];
  for (let entry = copy.last(); entry !== undefined; entry = copy.last()) {
    positions.unshift(entry);
    copy.truncate(entry.position);
  }
  return positions[i]!;
}
