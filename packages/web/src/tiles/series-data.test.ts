import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveResult } from 'millrace/wire';
import { lastOf, seriesDataOf } from './series-data.ts';

const line = { values: [], shape: 'line' } as const;

test('each other column is a line; rows are put in the order of time, numbers in text are read', () => {
  const result: LiveResult = {
    columns: ['time', 'p50_ms', 'p99_ms'],
    rows: [
      [2_000, '1.5', null],
      [1_000, 1, 9],
      ['not a time', 5, 5],
    ],
  };
  assert.deepEqual(seriesDataOf(result, line), {
    timesMs: [1_000, 2_000],
    lines: [
      { label: 'P50 ms', color: 0, values: [1, 1.5] },
      { label: 'P99 ms', color: 1, values: [9, null] },
    ],
  });
});

test('times of the warehouse have no zone and are UTC', () => {
  const rows: LiveResult['rows'] = [
    ['2026-11-23T10:00:00.000', 1],
    ['2026-11-24', 2],
  ];
  const { timesMs } = seriesDataOf({ columns: ['t', 'n'], rows }, line);
  assert.deepEqual(timesMs, [Date.UTC(2026, 10, 23, 10), Date.UTC(2026, 10, 24)]);
});

const byType: LiveResult = {
  columns: ['minute', 'type', 'n'],
  rows: [
    [60_000, 'search', 1],
    [0, 'view', 10],
    [60_000, 'view', 20],
  ],
};

test('values of one column become lines, the largest first, coloured by the alphabet', () => {
  const shape = { values: [], by: 'type', shape: 'bars' } as const;
  assert.deepEqual(seriesDataOf(byType, shape).lines, [
    { label: 'View', color: 1, values: [10, 20] },
    { label: 'Search', color: 0, values: [0, 1] },
  ]);
});

test('in a line a time without a value is a gap, in a stack it counts nothing', () => {
  const gaps = seriesDataOf(byType, { values: [], by: 'type', shape: 'line' }).lines[1]?.values;
  assert.deepEqual(gaps, [null, 1]);
});

test('more lines than colours: the smallest together are one', () => {
  const rows: LiveResult['rows'] = Array.from({ length: 12 }, (_, i) => [0, `type ${i + 10}`, i]);
  const { lines } = seriesDataOf(
    { columns: ['t', 'type', 'n'], rows },
    { values: [], by: 'type', shape: 'bars' },
  );
  assert.equal(lines.length, 8);
  assert.deepEqual(lines.at(-1), { label: 'Other', color: 7, values: [0 + 1 + 2 + 3 + 4] });
  assert.equal(new Set(lines.map(({ color }) => color)).size, 8);
});

test('a column that is not there, and no rows at all, are no error', () => {
  assert.deepEqual(seriesDataOf({ columns: [], rows: [] }, { ...line, time: 'x', by: 'y' }).timesMs, []);
  const absent = seriesDataOf(byType, { values: [{ column: 'gone' }], shape: 'line' });
  assert.deepEqual(absent.lines[0]?.values, [null, null, null]);
});

test('the last value that there is', () => {
  assert.equal(lastOf([1, 2, null]), 2);
  assert.equal(lastOf([null]), undefined);
});
