import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  coverRanges,
  rangeCondition,
  timeMsOf,
  timeRangeOf,
  truncateTime,
  type TimeUnit,
} from './time-key.ts';

const units: TimeUnit[] = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
const anyMs = fc.integer({ min: Date.UTC(1500, 0), max: Date.UTC(2500, 0) });

test('a time lies in the range of its truncated value, and so does every other one of that range', () => {
  fc.assert(
    fc.property(anyMs, fc.constantFrom(...units), (ms, unit) => {
      const from = truncateTime(ms, unit);
      const range = timeRangeOf(from, unit);
      assert.ok(range.fromMs <= ms && ms < range.toMs);
      assert.equal(truncateTime(range.toMs - 1, unit), from);
      assert.notEqual(truncateTime(range.toMs, unit), from);
    }),
  );
});

test('weeks begin on Monday', () => {
  assert.equal(truncateTime(Date.UTC(2026, 10, 25, 12), 'week'), Date.UTC(2026, 10, 23));
});

test('times as the engine writes them', () => {
  assert.equal(timeMsOf('2026-01-31'), Date.UTC(2026, 0, 31));
  assert.equal(timeMsOf('2026-01-31 10:00:00'), Date.UTC(2026, 0, 31, 10));
  assert.equal(timeMsOf('2026-01-31 10:00:00.1234'), Date.UTC(2026, 0, 31, 10, 0, 0, 123));
  for (const text of ['infinity', '-infinity', '0044-03-15 (BC)', '0999-12-31', '12026-01-01', '10:00:00']) {
    assert.equal(timeMsOf(text), undefined, text);
  }
});

test('covering ranges exclude each other, cover everything, and are no more than asked for', () => {
  const range = fc.record({
    fromMs: fc.integer({ min: 0, max: 500 }),
    length: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 30 }),
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 1, max: 8 }),
      (list, gapMsMax, countMax) => {
        const ranges = list.map(({ fromMs, length }) => ({ fromMs, toMs: fromMs + length }));
        const covering = coverRanges(ranges, { gapMsMax, countMax });
        assert.ok(covering.length <= countMax);
        covering.forEach((each, i) =>
          assert.ok(i === 0 || (covering[i - 1]?.toMs ?? 0) + gapMsMax < each.fromMs),
        );
        for (const { fromMs, toMs } of ranges) {
          assert.ok(covering.some((each) => each.fromMs <= fromMs && toMs <= each.toMs));
        }
      },
    ),
  );
});

test('conditions are constants of the column type', () => {
  const range = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 2) };
  assert.equal(
    rangeCondition({ column: 'at', columnType: 'TIMESTAMP', unit: 'day' }, range),
    `"at" >= timestamp '2026-01-01 00:00:00.000' and "at" < timestamp '2026-01-02 00:00:00.000'`,
  );
  assert.equal(
    rangeCondition({ column: 'day', columnType: 'DATE', unit: 'day' }, range),
    `"day" >= date '2026-01-01' and "day" < date '2026-01-02'`,
  );
});
