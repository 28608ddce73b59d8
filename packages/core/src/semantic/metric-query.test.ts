import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/index.ts';
import { checkMetricQuery } from './metric-query.ts';

const good = {
  measures: ['events.count'],
  dimensions: ['events.type'],
  segments: ['events.paid'],
  filters: [{ member: 'events.type', operator: 'equals', values: ['view'] }],
  timeDimensions: [{ dimension: 'events.date', granularity: 'day', dateRange: ['2026-01-01', '2026-01-02'] }],
  order: [['events.date.day', 'asc']],
  limit: 10,
  offset: 0,
  timezone: 'UTC',
};

test('a well-formed query passes unchanged', () => {
  assert.equal(checkMetricQuery(good), good);
  checkMetricQuery({ measures: ['events.count'], order: { 'events.count': 'desc' } });
  checkMetricQuery({ measures: ['a.b'], timeDimensions: [{ dimension: 'a.c', dateRange: 'last 7 days' }] });
});

test('a wrong query is refused with the name of its field', () => {
  const wrong: [unknown, RegExp][] = [
    [undefined, /the query/],
    [[], /the query/],
    [{}, /at least one/],
    [{ measures: 'events.count' }, /measures/],
    [{ measures: ['count'] }, /measures\.0/],
    [{ measures: ['a.b; drop table x'] }, /measures\.0/],
    [{ measures: ['a.b'], limit: 1e9 }, /limit/],
    [{ measures: ['a.b'], order: { 'a.b': 'up' } }, /order/],
    [{ measures: ['a.b'], maskedMembers: [] }, /the query|maskedMembers/],
    [{ measures: ['a.b'], timeDimensions: [{ granularity: 'day' }] }, /timeDimensions\.0/],
  ];
  for (const [query, message] of wrong) {
    assert.throws(
      () => checkMetricQuery(query),
      (error) =>
        isMillraceError(error) && error.code === 'SEMANTIC_QUERY_INVALID' && message.test(error.message),
      JSON.stringify(query),
    );
  }
});
