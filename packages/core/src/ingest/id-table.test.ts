import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../base/index.ts';
import { compareHashes, IdTable, STORED } from './id-table.ts';

/** Few different top bits, so that ids crowd and wrap around the end. */
const crowded = fc.tuple(
  fc.constantFrom(0, 1, 0x000f_ffff, 0x7fff_ffff, 0x8000_0000, 0xfff0_0000, 0xfffe_0000, 0xffff_ffff),
  fc.nat(3),
  fc.constant(0),
  fc.nat(40),
);

type Step = {
  readonly kind: 'claim' | 'settle' | 'withdraw';
  readonly hash: readonly number[];
  readonly owner: number;
};

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('claim', 'claim', 'settle', 'withdraw'),
    hash: crowded,
    owner: fc.integer({ min: 2, max: 4 }),
  }),
  { maxLength: 300 },
);

test('the table does what a Map does', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const table = new IdTable();
      const model = new Map<string, number>();
      for (const { kind, hash, owner } of sequence) {
        const words = new Uint32Array(hash);
        const key = hash.join();
        const holder = model.get(key) ?? 0;
        if (kind === 'claim') {
          assert.equal(table.claim(words, 0, owner), holder);
          if (holder === 0) model.set(key, owner);
        } else if (kind === 'settle') {
          assert.equal(table.settle(words, 0), holder !== 0);
          if (holder !== 0) model.set(key, STORED);
        } else {
          assert.equal(table.withdraw(words, 0, owner), holder === owner);
          if (holder === owner) model.delete(key);
        }
      }
      for (const [key, owner] of model)
        assert.equal(table.ownerOf(new Uint32Array(key.split(',').map(Number)), 0), owner);
      assert.equal(table.count, model.size);
      const stored = [...model.values()].filter((owner) => owner === STORED).length;
      assert.equal(table.claimedCount, model.size - stored);
      assert.equal(table.stored().length, stored * 4);
    }),
    { numRuns: 500 },
  );
});

test('sorting gives all hashes in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(crowded, { maxLength: 300, selector: String }), (hashes) => {
      const table = new IdTable();
      for (const hash of hashes) table.claim(new Uint32Array(hash), 0, STORED);
      assertSorted(sort(table), hashes.length);
    }),
    { numRuns: 300 },
  );
});

test('a table grows to hundreds of thousands of ids and keeps them all', () => {
  const random = seededRandom(11);
  const count = 200_000;
  const hashes = new Uint32Array(count * 4).map(() => random.next() * 4294967296);
  const table = new IdTable();
  for (let i = 0; i < count; i++) assert.equal(table.claim(hashes, i * 4, 2 + (i % 5)), 0);
  for (let i = 0; i < count; i++) assert.equal(table.ownerOf(hashes, i * 4), 2 + (i % 5));
  for (let i = 0; i < count; i += 2) assert.ok(table.withdraw(hashes, i * 4, 2 + (i % 5)));
  for (let i = 1; i < count; i += 2) assert.ok(table.settle(hashes, i * 4));
  assert.equal(table.count, count / 2);
  for (let i = 0; i < count; i++) assert.equal(table.ownerOf(hashes, i * 4), i % 2);
  assertSorted(sort(table), count / 2);
});

function sort(table: IdTable): Uint32Array {
  const sorting = table.sorted();
  let slice = sorting.next();
  while (slice.done !== true) slice = sorting.next();
  return slice.value;
}

function assertSorted(hashes: Uint32Array, count: number): void {
  assert.equal(hashes.length, count * 4);
  for (let at = 4; at < hashes.length; at += 4) assert.ok(compareHashes(hashes, at - 4, hashes, at) < 0);
}
