import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN, timestampMs } from './timestamp.ts';

test('every millisecond of the range is read as Date writes it', () => {
  fc.assert(
    fc.property(fc.integer({ min: TIMESTAMP_MS_MIN, max: TIMESTAMP_MS_MAX }), (ms) => {
      assert.equal(timestampMs(new Date(ms).toISOString()), ms);
      assert.equal(timestampMs(ms), ms);
    }),
    { numRuns: 5000 },
  );
});

test('zones shift the time', () => {
  const zone = fc.record({
    hours: fc.integer({ min: 0, max: 23 }),
    minutes: fc.integer({ min: 0, max: 59 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), zone, fc.boolean(), (ms, { hours, minutes }, isEast) => {
      const pad = (value: number) => String(value).padStart(2, '0');
      const text = new Date(ms)
        .toISOString()
        .replace('Z', `${isEast ? '+' : '-'}${pad(hours)}:${pad(minutes)}`);
      assert.equal(timestampMs(text), Date.parse(text));
    }),
  );
});

test('fractions are cut to milliseconds', () => {
  assert.equal(timestampMs('1970-01-01T00:00:01Z'), 1000);
  assert.equal(timestampMs('1970-01-01T00:00:01.5Z'), 1500);
  assert.equal(timestampMs('1970-01-01T00:00:01.123456789Z'), 1123);
  assert.equal(timestampMs('1970-01-01t00:00:01.12z'), 1120);
});

test('what is no point in time is refused', () => {
  const wrong = [
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:60:00Z',
    '2026-01-01T23:59:60Z',
    '2026-01-01T23:59:59',
    '2026-01-01 23:59:59Z',
    '2026-01-01T23:59:59.Z',
    '2026-01-01T23:59:59.1234567890Z',
    '2026-01-01T23:59:59+24:00',
    '2026-01-01T23:59:59+0100',
    '2026-01-01T23:59:59Zx',
    '2026-1-01T23:59:59Z',
    '-026-01-01T23:59:59Z',
    '9999-12-31T23:59:59.999-01:00',
    '',
    1.5,
    Number.MAX_SAFE_INTEGER,
    NaN,
    null,
    undefined,
    {},
  ];
  for (const value of wrong) assert.equal(timestampMs(value), NaN, JSON.stringify(value));
});
