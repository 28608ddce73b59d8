import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricResultOf, numberOf, type CubeAnswer } from './metric-result.ts';

test('numbers are numbers where a double holds them exactly', () => {
  const cases: [string, number | string | null][] = [
    ['0', 0],
    ['-12', -12],
    ['1.25', 1.25],
    ['1.20', 1.2],
    ['0.30000000000000004', 0.30000000000000004],
    ['1e+21', 1e21],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', '9007199254740992'],
    ['9007199254740993', '9007199254740993'],
    ['12345678901234567890.12', '12345678901234567890.12'],
    // The maximum of a time column counts as a number in Cube.
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    ['NaN', null],
    ['-Infinity', null],
    ['Infinity', null],
    ['', null],
  ];
  for (const [text, expected] of cases) assert.equal(numberOf(text), expected, text);
});

test('columns come in the order of the query, whatever the order of the SQL, and without rows too', () => {
  const answer = (columns: (string | null)[][], lastRefreshTime?: string): CubeAnswer => ({
    queryType: 'regularQuery',
    results: [
      {
        query: {
          measures: ['e.count'],
          dimensions: ['e.type', 'e.code'],
          timeDimensions: [{ dimension: 'e.at', granularity: 'day' }, { dimension: 'e.at' }],
        },
        annotation: {
          measures: { 'e.count': { type: 'number' } },
          dimensions: { 'e.type': { type: 'string' }, 'e.code': { type: 'number' } },
        },
        ...(lastRefreshTime === undefined ? {} : { lastRefreshTime }),
        data: {
          members: columns.length > 0 ? ['e.count', 'e.at.day', 'e.at', 'e.code', 'e.type'] : [],
          columns,
        },
      },
    ],
  });
  const day = '2026-01-01T00:00:00.000';
  const full = metricResultOf(answer([['3'], [day], [day], ['7'], ['7']], '1970-01-01T00:00:01.500Z'));
  assert.deepEqual(full, {
    members: ['e.type', 'e.code', 'e.at.day', 'e.count'],
    rows: [['7', 7, day, 3]],
    watermarkMs: 1_500,
  });
  assert.deepEqual(metricResultOf(answer([])), { members: full.members, rows: [], watermarkMs: undefined });
});

test('a comparison names the range of each row and is as complete as its least complete part', () => {
  const part = (range: string, count: string, lastRefreshTime: string) => ({
    query: { measures: ['e.count'] },
    annotation: { measures: { 'e.count': { type: 'number' } } },
    lastRefreshTime,
    data: { members: ['e.count', 'compareDateRange'], columns: [[count], [range]] },
  });
  const results = [part('a - b', '1', '1970-01-01T00:00:02Z'), part('c - d', '2', '1970-01-01T00:00:01Z')];
  assert.deepEqual(metricResultOf({ queryType: 'compareDateRangeQuery', results }), {
    members: ['compareDateRange', 'e.count'],
    rows: [
      ['a - b', 1],
      ['c - d', 2],
    ],
    watermarkMs: 1_000,
  });
});
