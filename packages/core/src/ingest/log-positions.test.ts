import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogPositions } from './log-positions.ts';

test('the position is the end of what is contiguous, in whatever order ranges come', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat()), (sizes, order) => {
      let from = 0;
      const ranges = sizes.map((count) => ({ from: (from += count) - count, count }));
      const positions = new LogPositions();
      const seen = new Set<number>();
      while (ranges.length > 0) {
        const [range] = ranges.splice(order.next().value! % ranges.length, 1);
        positions.advance(2, range!.from, range!.count);
        for (let i = 0; i < range!.count; i++) seen.add(range!.from + i);
        let end = 0;
        while (seen.has(end)) end++;
        assert.equal(positions.of(2), end);
        assert.equal(positions.hasGap, seen.size > end);
      }
      assert.deepEqual(positions.all(), [0, 0, from]);
    }),
  );
});

test('a position is raised over a gap, never lowered', () => {
  const positions = new LogPositions();
  positions.advance(0, 10, 5);
  positions.raise(0, 12);
  assert.equal(positions.of(0), 15);
  positions.raise(0, 3);
  assert.equal(positions.of(0), 15);
  assert.equal(positions.hasGap, false);
});
