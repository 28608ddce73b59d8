import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { QueryClient } from '@millrace/core/warehouse';
import { ChannelWarehouse } from '@millrace/testkit/semantic';
import { SqlRelations } from './sql-relations.ts';

let warehouse: ChannelWarehouse;
let relations: SqlRelations;

before(async () => {
  warehouse = await ChannelWarehouse.open(
    `create schema marts; create schema staging;
     create table marts.a (x integer); create table marts.b (x integer); create table "marts"."odd name" (x integer);
     create view staging.v as select x from marts.a;
     create view staging."x AS select 1" (y) as with z as (select * from staging.v) select x from z join marts.b using (x);
     create view staging.clock as select x, now() as at from marts.a;
     create macro rows_of_a() as (select count(*) from marts.a)`,
    [],
  );
  const client = new QueryClient(warehouse.openPort());
  relations = new SqlRelations((sql, params) => client.query(sql, { params }));
});

after(() => warehouse.close());

async function tablesOf(sql: string): Promise<string[] | 'all'> {
  const { tables } = await relations.of(sql);
  return tables === undefined ? 'all' : [...tables].toSorted();
}

test('names every table that a statement reads', async () => {
  const cases: [string, string[] | 'all'][] = [
    ['select count(*) from marts.a where x >= ?::integer', ['marts.a']],
    ['select * from Marts.A join "marts"."odd name" using (x)', ['marts.a', 'marts.odd name']],
    ['select (select max(x) from marts.b) from marts.a', ['marts.a', 'marts.b']],
    ['with q as (select * from marts.a) select * from q, (values (1)) v(y), range(3)', ['marts.a']],
    ['with a as (select * from marts.b) select * from a where exists (select 1 from a)', ['marts.b']],
    ['select 1', []],
    // A name without a schema may be anything, also inside its own definition and outside the scope of an
    // expression.
    ['select * from a', 'all'],
    ['with a as (select * from a) select * from a', 'all'],
    ['select * from (with q as (select 1) select * from q), q', 'all'],
    ['with recursive q as (select 1 x union all select x + 1 from q where x < 3) select * from q', 'all'],
    ["select * from read_csv('x.csv')", 'all'],
    ['not a statement', 'all'],
  ];
  for (const [sql, expected] of cases) assert.deepEqual(await tablesOf(sql), expected, sql);
});

test('looks behind views', async () => {
  assert.deepEqual(await tablesOf('select * from staging.v'), ['marts.a']);
  assert.deepEqual(await tablesOf('select * from staging."x AS select 1"'), ['marts.a', 'marts.b']);
  await warehouse.change('create or replace view staging.v as select x from marts.b');
  assert.deepEqual(await tablesOf('select * from staging.v'), ['marts.a']);
  relations.forget();
  assert.deepEqual(await tablesOf('select * from staging.v'), ['marts.b']);
});

test('finds what changes by itself', async () => {
  const changing = [
    'select now() from marts.a',
    'select x from marts.a where current_date > date $$2026-01-01$$',
    'select x from marts.a where CURRENT_TIMESTAMP > ?::timestamptz',
    'select x from marts.a order by random()',
    'select age(timestamp $$2026-01-01$$)',
    'select ago(interval 1 day)',
    'select rows_of_a()',
    'select * from staging.clock',
  ];
  for (const sql of changing) assert.equal((await relations.of(sql)).repeatable, false, sql);
  const still = [
    'select count(*), sum(x), nullif(x, 0), date_trunc($$day$$, timestamp $$2026-01-01$$) from marts.a group by x',
    'select split_part($$a.b$$, $$.$$, 1), round_even(1.5, 0) from marts.a',
  ];
  for (const sql of still) assert.equal((await relations.of(sql)).repeatable, true, sql);
});

test('asks once for a statement', async () => {
  const asked = warehouse.queries.length;
  for (let i = 0; i < 3; i++) await relations.of('select x + 42 from marts.a');
  assert.equal(warehouse.queries.length - asked, 1);
});
