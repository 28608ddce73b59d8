import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyDelta, deltaBetween } from './delta.ts';
import type { LiveResult, LiveRow } from '../port.ts';

const columns = ['time', 'count'];
const series = (from: number, to: number): LiveResult => ({
  columns,
  rows: Array.from({ length: to - from }, (_, i) => [from + i, (from + i) * 10]),
  watermarkMs: to,
});

test('a delta applied to its base is the next result, whatever the two are', () => {
  const value = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('a', 'b'), fc.constant(null));
  const rows = fc.array(fc.array(value, { minLength: 2, maxLength: 2 }), { maxLength: 12 });
  const result = fc.record({ rows, watermarkMs: fc.option(fc.nat(), { nil: undefined }) });
  fc.assert(
    fc.property(result, result, (one, other) => {
      const from: LiveResult = { columns, ...one };
      const to: LiveResult = { columns, ...other };
      const delta = deltaBetween(from, to);
      if (delta === undefined) return;
      assert.deepEqual(applyDelta(from, JSON.parse(JSON.stringify(delta))), to);
    }),
    { numRuns: 2_000 },
  );
});

test('a series that slides by one row travels as one row', () => {
  const delta = deltaBetween(series(0, 300), series(1, 301));
  assert.deepEqual(delta, { shift: 1, rowCount: 300, changed: [[299, [300, 3000]]], watermarkMs: 301 });
});

test('a newest-first table that grows at the front travels as the new row', () => {
  const table = (newest: number): LiveRow[] => Array.from({ length: 20 }, (_, i) => [newest - i, 'x']);
  const delta = deltaBetween({ columns, rows: table(50) }, { columns, rows: table(51) });
  assert.equal(delta?.shift, -1);
  assert.deepEqual(delta.changed, [[0, [51, 'x']]]);
});

test('no delta between different columns, nor when nearly everything changed', () => {
  assert.equal(deltaBetween(series(0, 9), { columns: ['time', 'sum'], rows: [] }), undefined);
  assert.equal(deltaBetween(series(0, 300), series(1000, 1300)), undefined);
});
