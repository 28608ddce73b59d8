import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestSession, rebindQueries, type TestSession } from '@millrace/testkit/models';
import { rebind } from './rebind.ts';

const events = { catalog: 'millrace', schema: 'raw', name: 'events' };

/** Queries that cannot be rebound, and what the refusal says. Every other one must give the right rows. */
const refused: Readonly<Record<string, RegExp>> = {
  // Not valid SQL to begin with, or no table in it.
  hash_num: /syntax error/,
  cast_types: /does not name raw\.events/,
  values_top: /does not name raw\.events/,
  // References that the tree does not show, which would be read unreplaced without any error.
  macro_hidden_ref: /does not name raw\.events/,
  macro_table: /does not name raw\.events/,
  // Forms that have no tree.
  pivot_auto: /Only SELECT statements/,
  multi: /not exactly one statement/,
};
/** Rebound, but the engine then refuses it, which planning finds: it describes the rebound SQL. */
const failing = new Set(['rowid', 'param']);

let small: TestSession;
let large: TestSession;

async function openEvents(count: number): Promise<TestSession> {
  const session = await openTestSession();
  await session.run(`create schema raw; create schema "odd schema";
    create table raw.events as select i as id, i % 3 as u, 'T' || i % 2 as t, timestamp '2026-01-01' + to_hours(i::int) as ts,
      i * 1.5 as amt, [i, i + 1] as l, {'a': i, 'b': 'x'} as s from range(${count}) r(i);
    create table raw.dim as select range as u, 'n' || range as name from range(3);
    create macro raw.cnt() as (select count(*) from millrace.raw.events);
    create macro raw.twice(x) as x * 2;
    create macro raw.ev(k) as table select * from millrace.raw.events where u = k;
    create type raw.mood as enum ('T0', 'T1')`);
  return session;
}

before(async () => {
  small = await openEvents(4);
  large = await openEvents(10);
});
after(async () => {
  await small[Symbol.asyncDispose]();
  await large[Symbol.asyncDispose]();
});

async function sortedRows(session: TestSession, sql: string): Promise<string[]> {
  return (await session.rows(sql)).map((row) => JSON.stringify(row)).toSorted();
}

for (const [name, sql] of Object.entries(rebindQueries)) {
  test(`rebinding ${name}`, async () => {
    const rebound = await rebind(large, sql, [{ from: events, to: '__input' }]);
    const reason = refused[name];
    if (reason !== undefined) {
      assert.ok('unparsed' in rebound, `must be refused, but is ${JSON.stringify(rebound)}`);
      assert.match(rebound.unparsed, reason);
      return;
    }
    assert.ok('sql' in rebound, 'unparsed' in rebound ? rebound.unparsed : '');
    const query = `with __input as (select * from millrace.raw.events where id < 4) select * from (${rebound.sql})`;
    if (failing.has(name)) {
      await assert.rejects(large.rows(query));
      return;
    }
    // The same SQL where the table holds no more than those rows.
    assert.deepEqual(await sortedRows(large, query), await sortedRows(small, sql));
  });
}

test('all relations that are asked for must be named', async () => {
  const other = { catalog: 'millrace', schema: 'raw', name: 'dim' };
  const rebound = await rebind(large, 'select * from raw.events', [
    { from: events, to: 'a' },
    { from: other, to: 'b' },
  ]);
  assert.deepEqual(rebound, { unparsed: 'it does not name raw.dim' });
});

test('a query that reads a parent twice has both places replaced', async () => {
  const sql = 'select count(*) from raw.events a join raw.events b using (id)';
  const rebound = await rebind(large, sql, [{ from: events, to: 'few' }]);
  assert.ok('sql' in rebound);
  assert.deepEqual(rebound.counts, [2]);
  const rows = await large.rows(`with few as (select * from raw.events limit 2) ${rebound.sql}`);
  assert.deepEqual(rows, [[2]]);
});

test('constants keep their types and digits', async () => {
  const constants = [
    '1e3',
    '1e-7',
    '0.30000000000000004',
    '1.50',
    '12345678901234567890123',
    '-0.0',
    '1e300',
    "'é''\\x'",
  ];
  for (const constant of constants) {
    const sql = `select ${constant} as x, typeof(${constant}) as t from raw.events limit 1`;
    const rebound = await rebind(large, sql, [{ from: events, to: 'raw_events_input' }]);
    assert.ok('sql' in rebound, constant);
    const query = `with raw_events_input as (from raw.events) select * from (${rebound.sql})`;
    assert.deepEqual(await large.rows(query), await large.rows(sql), constant);
  }
});
