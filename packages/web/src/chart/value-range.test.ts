import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueRangeOf } from './value-range.ts';

const steady = Array.from({ length: 60 }, (_, i) => 190 + (i % 10));

test('the axis goes from zero, or from the lowest below it, to the highest value', () => {
  assert.deepEqual(
    valueRangeOf(
      [
        [3, null, 5],
        [1, 7],
      ],
      true,
    ),
    { lowest: 0, highest: 7, peak: undefined },
  );
  assert.deepEqual(valueRangeOf([[-2, 5]], false), { lowest: -2, highest: 5, peak: undefined });
  assert.deepEqual(valueRangeOf([[]], true), { lowest: 0, highest: 0, peak: undefined });
});

test('a burst of before is cut off, one of now is not', () => {
  const before = [40_000, 43_000, 41_000, ...steady];
  assert.deepEqual(valueRangeOf([before], true), { lowest: 0, highest: 199, peak: 43_000 });
  assert.deepEqual(valueRangeOf([before], false), { lowest: 0, highest: 43_000, peak: undefined });
  const now = [...steady, ...Array.from({ length: 15 }, () => 43_000)];
  assert.equal(valueRangeOf([now], true).highest, 43_000);
});

test('silence after a burst cuts nothing off', () => {
  const silent = [200, ...Array.from({ length: 30 }, () => 0)];
  assert.deepEqual(valueRangeOf([silent], true), { lowest: 0, highest: 200, peak: undefined });
});
