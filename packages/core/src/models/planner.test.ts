import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  createRawTables,
  openTestSession,
  storefrontTables,
  type TestSession,
  workshopSources,
  writeManifest,
  type WrittenModel,
} from '@millrace/testkit/models';
import { buildGraph } from './graph.ts';
import { LiveTables } from './live-tables.ts';
import type { ModelPlan } from './plan.ts';
import { silentLogger } from '../base/index.ts';

let session: TestSession;

before(async () => {
  session = await openTestSession();
  await session.run(createRawTables(storefrontTables, '2026-01-02'));
  await session.run("create table raw.regions as select 'DE' as country, 'EU' as region; create schema meta");
  await session.run('create macro raw.hidden() as (select count(*) from millrace.raw.raw_events)');
});
after(async () => session[Symbol.asyncDispose]());

const staged: WrittenModel = {
  materialized: 'incremental',
  uniqueKey: 'event_id',
  live: { local: true },
  sql: 'select * from raw.raw_events where event_timestamp <= (select as_of from raw.as_of)',
};
const byUser = { grain: ['user_id'], keys_from: { staged: { user_id: 'user_id' } } };
const byUserDay = {
  grain: ['user_id', 'day'],
  keys_from: { staged: { user_id: 'user_id', day: 'cast(event_timestamp as date)' } },
};

/** Plans `subject` beside `staged` and others. */
async function planOf(
  subject: WrittenModel,
  others: Readonly<Record<string, WrittenModel>> = {},
): Promise<ModelPlan> {
  const manifest = writeManifest({ staged, ...others, subject }, workshopSources(false));
  const tables = new LiveTables(session, {
    graph: buildGraph(manifest),
    catalog: 'millrace',
    logger: silentLogger,
  });
  await session.run('begin');
  try {
    const prepared = await tables.prepare(new Set());
    const found = prepared.find(({ plan }) => plan.model.name === 'subject');
    assert.ok(found);
    return found.plan;
  } finally {
    await session.run('rollback');
  }
}

const live: Readonly<Record<string, WrittenModel>> = {
  'a grouping by its keys': {
    live: byUser,
    sql: 'select user_id, count(distinct session_id) as n from marts.staged group by user_id',
  },
  'grouping by all': { live: byUser, sql: 'select user_id, count(*) as n from marts.staged group by all' },
  'a window over a common table expression': {
    live: byUserDay,
    sql: `with e as (select *, cast(event_timestamp as date) as d from marts.staged),
      f as (select user_id, d as day, lag(event_timestamp) over (partition by user_id, d order by ingest_seq) as p from e)
      select user_id, day, max(p) as p from f group by user_id, day`,
  },
  'keys under qualified and other names': {
    live: { grain: ['who'], keys_from: { staged: { who: 'user_id' } } },
    sql: 'select s.user_id as who, count(*) as n from marts.staged as s group by s.user_id',
  },
  'a subquery instead of a common table expression': {
    live: byUser,
    sql: 'select user_id, n from (select user_id, count(*) as n from marts.staged group by 1) as x where n > 2',
  },
  'a static join that multiplies rows': {
    live: byUser,
    sql: 'select user_id, r.region from marts.staged s join raw.regions r on s.country = r.country group by all',
  },
  'a join of two groupings on the keys': {
    live: byUser,
    sql: `with a as (select user_id, count(*) as n from marts.staged group by user_id),
      b as (select user_id, max(amount) as m from marts.staged group by user_id)
      select a.user_id, n, m from a join b on a.user_id = b.user_id`,
  },
  'all columns passed on but some': {
    live: byUser,
    sql: `with a as (select * exclude (email) from marts.staged), b as (select *, 1 as one from a)
      select user_id, sum(one) as n from b group by user_id`,
  },
  'a value that never reaches across': {
    live: byUser,
    sql: `select user_id, list(event_id order by ingest_seq) as ids from marts.staged group by user_id`,
  },
};

for (const [name, subject] of Object.entries(live)) {
  test(`live: ${name}`, async () => {
    const plan = await planOf(subject);
    assert.equal(plan.runs, 'keyed', plan.reason);
    assert.ok(plan.runs === 'keyed' && plan.isProven);
  });
}

const whole: Readonly<Record<string, readonly [sql: string, reason: RegExp]>> = {
  'a window without the keys': [
    'select user_id, max(n) as n from (select user_id, row_number() over (order by ingest_seq) as n from marts.staged) x group by 1',
    /row_number\(\) reaches across user_id/,
  ],
  'a share of the total': [
    'select user_id, count(*) / sum(count(*)) over () as share from marts.staged group by user_id',
    /reaches across user_id/,
  ],
  'a grouping by something else': [
    `select user_id, sum(n) as n from (select session_id, min(user_id) as user_id, count(*) as n from marts.staged group by 1) x
      group by user_id`,
    /aggregates across user_id/,
  ],
  'a total beside the rows': [
    'select user_id, count(*) as n from marts.staged cross join (select max(amount) as top from marts.staged) t group by user_id',
    /aggregates across user_id/,
  ],
  'a subquery inside an expression': [
    'select user_id, count(*) as n from marts.staged where amount > (select avg(amount) from marts.staged) group by user_id',
    /reads staged in a subquery inside an expression/,
  ],
  'a subquery over a common table expression': [
    `with e as (select * from marts.staged) select user_id, count(*) as n from e
      where amount > (select avg(amount) from e) group by user_id`,
    /reads e in a subquery inside an expression/,
  ],
  'a self join without the key': [
    'select a.user_id, count(*) as n from marts.staged a join marts.staged b on a.session_id = b.session_id group by a.user_id',
    /less than its keys/,
  ],
  'an outer join that keeps static rows': [
    'select s.user_id, count(*) as n from raw.regions r left join marts.staged s on r.country = s.country group by s.user_id',
    /keeps rows that have no key/,
  ],
  'a union with static rows': [
    `select user_id, 1 as n from marts.staged group by all union all select country as user_id, 2 as n from raw.regions`,
    /rows without keys/,
  ],
  'grouping sets': [
    'select user_id, count(*) as n from marts.staged group by grouping sets ((user_id), ())',
    /several sets/,
  ],
  'a limit': [
    'select user_id, count(*) as n from marts.staged group by user_id order by 2 limit 3',
    /a limit/,
  ],
  'the clock': [
    'select user_id, count(*) as n from marts.staged where event_timestamp < current_timestamp group by user_id',
    /reads the clock.*current_timestamp/,
  ],
  'a function of the clock': [
    'select user_id, max(today()) as n from marts.staged group by user_id',
    /reads the clock/,
  ],
  'chance': [
    'select user_id, max(random()) as n from marts.staged group by user_id',
    /random\(\), whose result differs/,
  ],
  'a macro that reads unseen': [
    'select user_id, count(*) + max(millrace.raw.hidden()) as n from marts.staged group by user_id',
    /macro hidden\(\)/,
  ],
  'a sample': [
    'select user_id, count(*) as n from marts.staged tablesample 10 rows group by user_id',
    /sample/,
  ],
  'as_of beside a model': [
    'select user_id, count(*) as n from marts.staged where event_timestamp > (select as_of from raw.as_of) group by user_id',
    /rows change without any of their parents/,
  ],
  'a key that is not what keys_from says': [
    'select user_id as who, max(page) as user_id from marts.staged group by 1',
    /user_id is not made from what keys_from says/,
  ],
  'an alias that a column hides': [
    `select user_id as session_id_of, session_id as user_id, count(*) as n from marts.staged group by all`,
    /user_id is not made from|grouped by/,
  ],
};

for (const [name, [sql, reason]] of Object.entries(whole)) {
  test(`whole: ${name}`, async () => {
    const plan = await planOf({ live: byUser, sql });
    assert.equal(plan.runs, 'whole', plan.reason);
    assert.match(plan.reason, reason);
  });
}

test('whole: a table that is not written down in the manifest', async () => {
  const manifest = writeManifest(
    { staged, subject: { live: byUser, sql: 'select user_id from marts.staged' } },
    workshopSources(false),
  );
  const hidden = {
    ...manifest,
    models: manifest.models.map((model) =>
      model.name === 'subject'
        ? {
            ...model,
            sql: 'select s.user_id, count(*) as n from marts.staged s join raw.as_of a on true group by 1',
          }
        : model,
    ),
  };
  const tables = new LiveTables(session, {
    graph: buildGraph(hidden),
    catalog: 'millrace',
    logger: silentLogger,
  });
  await session.run('begin');
  const prepared = await tables.prepare(new Set());
  await session.run('rollback');
  const plan = prepared.find((each) => each.plan.model.name === 'subject')?.plan;
  assert.equal(plan?.runs, 'whole');
  assert.match(plan?.reason ?? '', /reads raw\.as_of without ref\(\) or source\(\)/);
});

const bounds: Readonly<Record<string, readonly [where: string, runs: ModelPlan['runs']]>> = {
  'as written': ['event_timestamp <= (select as_of from raw.as_of)', 'keyed'],
  'the other way round, among others': [
    "(select as_of from raw.as_of) >= e.event_timestamp and event_type <> 'x'",
    'keyed',
  ],
  'a window that moves along': [
    'event_timestamp <= (select as_of from raw.as_of) and event_timestamp > (select as_of from raw.as_of) - interval 1 hour',
    'whole',
  ],
  'before, not until': ['event_timestamp < (select as_of from raw.as_of)', 'whole'],
  'one of several reasons': ["event_timestamp <= (select as_of from raw.as_of) or event_type = 'x'", 'whole'],
  'another column': ['received_at <= (select as_of from raw.as_of)', 'whole'],
  'some time later': ['event_timestamp <= (select as_of + interval 1 hour from raw.as_of)', 'whole'],
};

for (const [name, [where, runs]] of Object.entries(bounds)) {
  test(`${runs}: bounded by as_of ${name}`, async () => {
    const sql = `select event_id, user_id from raw.raw_events e where ${where}`;
    const plan = await planOf({
      materialized: 'incremental',
      uniqueKey: 'event_id',
      live: { local: true },
      sql,
    });
    assert.equal(plan.runs, runs, plan.reason);
    if (runs === 'whole') assert.match(plan.reason, /uses as_of in another way/);
  });
}

test('a declaration is believed where the SQL does not show it, and that is said', async () => {
  const sql = 'select upper(user_id) as user_id, count(*) as n from marts.staged group by 1';
  const plan = await planOf({
    live: { ...byUser, local: true, keys_from: { staged: { user_id: 'upper(user_id)' } } },
    sql,
  });
  assert.ok(plan.runs === 'keyed' && plan.isProven, 'a key may be an expression');
  const across =
    'select user_id, max(n) as n from (select user_id, count(*) over (partition by user_id || 1) as n from marts.staged) x group by 1';
  const declared = await planOf({ live: { ...byUser, local: true }, sql: across });
  assert.ok(declared.runs === 'keyed' && !declared.isProven);
  assert.match(declared.warnings.join(), /declares itself local/);
});

test('choices that the order of rows decides are told', async () => {
  const plan = await planOf({
    live: byUser,
    sql: 'select user_id, any_value(page) as page from marts.staged group by user_id',
  });
  assert.match(plan.warnings.join(), /Any_value\(\) without an order by/);
});

const merged: Readonly<Record<string, readonly [columns: string, strategy: string, reason: RegExp]>> = {
  'counts': [
    "count(*) as a, count(amount) as b, count(*) filter (where event_type = 'x') as c",
    'merge',
    /merged into/,
  ],
  'sums of decimals': ['sum(cast(amount as decimal(10, 2))) as a', 'merge', /merged into/],
  'sums of integers, cast back': ['cast(coalesce(sum(quantity), 0) as bigint) as a', 'merge', /merged into/],
  'extremes': ['min(event_timestamp) as a, max(page) as b', 'merge', /merged into/],
  'sums of doubles': ['sum(amount) as a', 'keys', /a adds up DOUBLE/],
  'averages': ['avg(quantity) as a', 'keys', /a is not a count, sum/],
  'distinct counts': ['count(distinct page) as a', 'keys', /a is not a count, sum/],
  'a sum that is rounded': [
    'cast(sum(cast(amount as decimal(10, 2))) as bigint) as a',
    'keys',
    /a rounds a sum/,
  ],
  'a sum with something added': ['sum(quantity) + 1 as a', 'keys', /a is not a count, sum/],
};

for (const [name, [columns, strategy, reason]] of Object.entries(merged)) {
  test(`${strategy}: ${name}`, async () => {
    const plan = await planOf({
      live: byUser,
      sql: `select user_id, ${columns} from marts.staged group by user_id`,
    });
    assert.ok(plan.runs === 'keyed', plan.reason);
    assert.equal(plan.strategy, strategy, plan.reason);
    assert.match(plan.reason, reason);
  });
}

test('rows are only taken off where counts can be', async () => {
  const columns = (list: string) => ({
    live: byUser,
    sql: `select user_id, ${list} from marts.staged group by user_id`,
  });
  const subtractable = async (list: string) => {
    const plan = await planOf(columns(list));
    assert.ok(plan.runs === 'keyed');
    return plan.merge?.subtractableBy;
  };
  assert.equal(await subtractable('count(*) as n, coalesce(sum(quantity), 0) as q'), 'n');
  assert.equal(
    await subtractable('count(*) as n, sum(quantity) as q'),
    undefined,
    'null or zero cannot be told',
  );
  assert.equal(await subtractable('count(*) as n, max(page) as p'), undefined);
  assert.equal(await subtractable('count(amount) as n'), undefined, 'nothing says when the key is gone');
});

test('two groupings one on the other are not merged, a final select is', async () => {
  const twice = `with a as (select user_id, session_id, count(*) as n from marts.staged group by all)
    select user_id, count(*) as n from a group by user_id`;
  const plan = await planOf({ live: byUser, sql: twice });
  assert.ok(plan.runs === 'keyed' && plan.strategy === 'keys');
  const final = `with b as (select user_id, count(*) as n from marts.staged group by user_id) select * from b`;
  const merging = await planOf({ live: byUser, sql: final });
  assert.ok(merging.runs === 'keyed' && merging.strategy === 'merge', merging.reason);
});
