import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import {
  ModelTrial,
  type RawRow,
  storefrontTables,
  workshopSources,
  writeManifest,
  type WrittenModel,
} from '@millrace/testkit/models';
import type { Logger } from '../base/index.ts';
import type { RefreshReport } from '../warehouse/index.ts';
import type { Manifest } from './manifest.ts';

const day = 'cast(event_timestamp as date)';
const staged: WrittenModel = {
  materialized: 'incremental',
  uniqueKey: 'event_id',
  live: { local: true },
  sql: `select event_id, user_id, event_type, event_timestamp, ingest_seq from raw.raw_events
    where event_timestamp <= (select as_of from raw.as_of)
    qualify row_number() over (partition by event_id order by ingest_seq desc) = 1
    order by event_timestamp`,
};
const daily: WrittenModel = {
  live: { grain: ['user_id', 'day'], keys_from: { staged: { user_id: 'user_id', day } } },
  sql: `select user_id, ${day} as day, count(*) as events, count(distinct event_type) as types
    from marts.staged group by all`,
};
const totals: WrittenModel = {
  live: { grain: ['day'], keys_from: { daily: { day: 'day' } } },
  sql: 'select day, count(*) as users, sum(events) as events from marts.daily group by day',
};

interface Setting {
  readonly models?: Readonly<Record<string, WrittenModel>>;
  readonly isUnique?: boolean;
}

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

class Project {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 2));
  readonly lines: Line[] = [];
  readonly manifest: Manifest;

  constructor({ models = { staged, daily, totals }, isUnique = true }: Setting = {}) {
    this.manifest = writeManifest(models, workshopSources(isUnique));
  }

  open(): Promise<ModelTrial> {
    const log =
      (level: string) =>
      (_message: string, fields: Line['fields'] = {}) => {
        this.lines.push({ level, fields });
      };
    const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
    const { manifest, clock } = this;
    return ModelTrial.open({
      manifest,
      tables: storefrontTables,
      clock,
      logger,
      setUp: 'create table raw.regions(a integer)',
    });
  }

  /** All that is due between loads. */
  async idle(trial: ModelTrial, elapsedMs = 60_000): Promise<RefreshReport[]> {
    await this.clock.advance(elapsedMs);
    const reports: RefreshReport[] = [];
    for (let quiet = 0; quiet < 8;) {
      const report = await trial.models.idle(trial.session, this.clock.nowMs());
      quiet = report === undefined ? quiet + 1 : 0;
      if (report !== undefined) reports.push(report);
    }
    return reports;
  }

  built(): unknown[] {
    return this.lines
      .splice(0)
      .flatMap(({ fields }) => (fields['reason'] === undefined ? [] : [fields['model']]));
  }
}

function event(id: string, at: string, user = 'u'): RawRow {
  return { event_id: id, event_type: 'search', event_timestamp: `2026-01-${at}`, user_id: user };
}

const first = [event('a', '01 10:00:00'), event('b', '01 11:00:00', 'v'), event('c', '02 00:30:00')];

test('a refresh before prepare is refused', async () => {
  const project = new Project();
  await using trial = await project.open();
  const { createModelRefresher } = await import('./index.ts');
  const models = createModelRefresher({ manifest: project.manifest, clock: project.clock });
  await assert.rejects(models.refresh(trial.session, []), { code: 'MODELS_NOT_PREPARED' });
  assert.deepEqual(models.describePlan(), []);
});

test('a report names the relations that changed and how long each model took', async () => {
  const project = new Project();
  await using trial = await project.open();
  const report = await trial.load(first, '2026-01-02 01:00:00');
  assert.deepEqual(report.changedTables, ['marts.staged', 'marts.daily', 'marts.totals']);
  assert.deepEqual(Object.keys(report.modelsMs), ['staged', 'daily', 'totals']);
  const nothing = await trial.load([], '2026-01-02 01:00:01');
  assert.deepEqual(nothing.changedTables, []);
  assert.deepEqual(
    await trial.session.rows('select cast(day as varchar), users, events from marts.totals order by 1'),
    [
      ['2026-01-01', 2, 2],
      ['2026-01-02', 1, 1],
    ],
  );
});

test('a rolled back load leaves models as they were, and its repetition is exact', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  const before = await trial.session.rows('select * from marts.daily order by all');
  await trial.session.run('begin');
  await trial.loadOpen([event('d', '02 00:40:00'), event('e', '02 02:00:00')], '2026-01-02 01:30:00');
  await trial.session.run('rollback');
  assert.deepEqual(await trial.session.rows('select * from marts.daily order by all'), before);
  assert.deepEqual(await trial.differences(), []);
  await trial.load([event('d', '02 00:40:00')], '2026-01-02 01:30:00');
  assert.deepEqual(await trial.differences(), []);
});

test('starting again builds nothing, and waiting rows still become due', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load([...first, event('later', '02 03:00:00')], '2026-01-02 01:00:00');
  project.built();
  await trial.restart();
  assert.deepEqual(project.built(), []);
  await trial.load([], '2026-01-02 03:00:00');
  assert.deepEqual(await trial.differences(), []);
  assert.deepEqual(await trial.session.rows("select count(*) from marts.staged where event_id = 'later'"), [
    [1],
  ]);
});

test('a model whose SQL changed is built again, with all that read it, and no other', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  project.built();
  const changed: WrittenModel = { ...daily, sql: daily.sql.replace('count(*)', 'count(*) * 2') };
  const manifest = writeManifest({ staged, daily: changed, totals }, workshopSources(true));
  await trial.restart(manifest);
  assert.deepEqual(project.built(), ['daily', 'totals']);
  assert.deepEqual(await trial.differences(manifest), []);
});

test('a model that left and came back is built again', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.restart(writeManifest({ staged }, workshopSources(true)));
  await trial.load(first, '2026-01-02 01:00:00');
  project.built();
  await trial.restart();
  assert.deepEqual(project.built(), ['daily', 'totals']);
  assert.deepEqual(await trial.differences(), []);
});

test('a view becomes a table and a table a view', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  const asView = writeManifest(
    { staged, daily, totals: { ...totals, materialized: 'view' } },
    workshopSources(true),
  );
  await trial.restart(asView);
  const report = await trial.load([event('d', '02 00:40:00')], '2026-01-02 01:10:00');
  assert.ok(report.changedTables.includes('marts.totals'), 'a view changes with what it reads');
  await trial.restart();
  assert.deepEqual(await trial.differences(), []);
});

test('rows that were loaded without a refresh are found at the next start', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  await trial.session.run(`insert into raw.raw_events by name
    select 'unseen' as event_id, timestamp '2026-01-02 00:10:00' as event_timestamp, 'u' as user_id, 99 as ingest_seq`);
  project.built();
  await trial.restart();
  assert.deepEqual(project.built(), ['staged', 'daily', 'totals']);
  assert.deepEqual(await trial.differences(), []);
});

test('a raw table that gained a column needs no new tables', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  await trial.session.run('alter table raw.raw_events add column extra varchar');
  project.built();
  await trial.models.prepare(trial.session);
  assert.deepEqual(project.built(), []);
  assert.deepEqual(await trial.differences(), []);
});

test('as_of never goes back', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  await trial.load([event('d', '02 00:50:00')], '2026-01-02 00:10:00');
  const asOf = await trial.session.rows('select cast(as_of as varchar) from raw.as_of');
  assert.deepEqual(asOf, [['2026-01-02 01:00:00']]);
  assert.deepEqual(await trial.differences(), []);
});

test('rows become due by a load that brings none', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load([...first, event('soon', '02 00:00:30')], '2026-01-02 00:00:00');
  assert.deepEqual((await trial.load([], '2026-01-02 00:00:29')).changedTables, [], 'not before their time');
  const report = await trial.load([], '2026-01-02 00:00:30');
  assert.deepEqual(report.changedTables, ['marts.staged', 'marts.daily', 'marts.totals']);
  assert.deepEqual(await trial.differences(), []);
  assert.deepEqual(await trial.session.rows("select count(*) from marts.staged where event_id = 'soon'"), [
    [1],
  ]);
});

test('whole models follow on a slower clock, one after the other, and views with them', async () => {
  const models = {
    staged,
    daily,
    ranks: {
      live: { whole: 'ranks reach across users' },
      sql: 'select user_id, rank() over (order by sum(events) desc) as r from marts.daily group by 1',
    },
    best: { sql: 'select * from marts.ranks where r = 1' },
    shown: { materialized: 'view' as const, sql: 'select * from marts.best' },
  };
  const project = new Project({ models });
  await using trial = await project.open();
  await project.idle(trial);
  const report = await trial.load(first, '2026-01-02 01:00:00');
  assert.ok(!report.changedTables.includes('marts.ranks'), 'a load does not wait for it');
  assert.deepEqual(await project.idle(trial, 1_000), [], 'not so soon after the last time');
  const reports = await project.idle(trial, 10_000);
  assert.deepEqual(
    reports.map(({ changedTables }) => changedTables),
    [['marts.ranks'], ['marts.best', 'marts.shown']],
  );
  assert.deepEqual(await trial.session.rows('select user_id from marts.shown'), [['u']]);
  assert.deepEqual(await project.idle(trial), [], 'nothing changed since');
});

test('a live table that differs from its full SQL is found, told and built again with its readers', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  await trial.session.run("update marts.daily set events = 7 where user_id = 'v'");
  await project.idle(trial, 0);
  for (let i = 0; i < 40 && trial.drifts.length === 0; i++) await project.idle(trial);
  const [drift] = trial.drifts;
  assert.equal(drift?.model, 'daily');
  assert.equal(drift?.relation, 'marts.daily');
  assert.equal(drift?.differenceCount, 2, 'one row on each side');
  assert.ok(
    project.lines.some(({ level, fields }) => level === 'error' && fields['code'] === 'MODELS_DRIFT'),
  );
  assert.deepEqual(await trial.differences(), []);
});

test('missing and superfluous rows are found too', async () => {
  for (const damage of [
    "delete from marts.daily where user_id = 'v'",
    "insert into marts.daily values ('x', date '2026-01-01', 1, 1)",
  ]) {
    const project = new Project();
    await using trial = await project.open();
    await trial.load(first, '2026-01-02 01:00:00');
    await trial.session.run(damage);
    // A reader may be compared first: it differs from what it should be made of.
    for (let i = 0; i < 40 && (await trial.differences()).length > 0; i++) await project.idle(trial);
    assert.ok(
      trial.drifts.some(({ model }) => model === 'daily'),
      damage,
    );
    assert.deepEqual(await trial.differences(), [], damage);
  }
});

test('samples of tables that are right find nothing', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load([...first, { ...event('n', '01 12:00:00'), user_id: null }], '2026-01-02 01:00:00');
  for (let i = 0; i < 40; i++) await project.idle(trial);
  assert.deepEqual(trial.drifts, []);
});

test('an id that came again, though the source is declared unique, is found and corrected', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load(first, '2026-01-02 01:00:00');
  await trial.load(
    [{ ...event('a', '02 00:45:00', 'w'), event_type: 'sign_up' }, event('d', '02 00:46:00')],
    '2026-01-02 01:10:00',
  );
  assert.notDeepEqual(await trial.differences(), [], 'nothing is looked up when rows are added');
  const reports = await project.idle(trial);
  assert.ok(reports.some(({ changedTables }) => changedTables.includes('marts.staged')));
  assert.ok(
    project.lines.some(({ fields }) => fields['code'] === 'MODELS_REPEATED_ID' && fields['ids'] === 1),
  );
  assert.deepEqual(await trial.differences(), []);
  assert.deepEqual(trial.drifts, [], 'the comparison of ids is not left to luck');
  project.lines.length = 0;
  for (let i = 0; i < 10; i++) await project.idle(trial);
  assert.ok(
    !project.lines.some(({ fields }) => fields['code'] === 'MODELS_REPEATED_ID'),
    'it is corrected once',
  );
});

test('ids that repeat within one load are found', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.load([event('a', '01 10:00:00'), event('a', '01 10:30:00', 'v')], '2026-01-02 01:00:00');
  await project.idle(trial);
  assert.deepEqual(await trial.differences(), []);
  assert.deepEqual(await trial.session.rows('select user_id from marts.staged'), [['v']]);
});

test('a long history is built in parts, which join to the full SQL', async () => {
  const project = new Project();
  await using trial = await project.open();
  await trial.restart(writeManifest({}, workshopSources(true)));
  await trial.session
    .run(`insert into raw.raw_events by name select 'e' || i as event_id, 'u' || i % 50 as user_id,
      case when i % 7 = 0 then 'search' else 'sign_up' end as event_type, i as ingest_seq,
      case when i % 1000 = 1 then null when i = 5 then timestamp 'infinity'
        else timestamp '2026-01-01' + to_seconds(i % 300000) end as event_timestamp from range(600000) r(i);
    insert into raw.as_of values (timestamp '2026-01-04')`);
  await trial.restart();
  const parts = project.lines.flatMap(({ fields }) =>
    fields['count'] === undefined ? [] : [String(fields['model'])],
  );
  assert.ok(parts.includes('staged') && parts.includes('daily'), `in parts: ${parts.join(', ')}`);
  assert.deepEqual(await trial.differences(), []);
  const inOrder = await trial.session.rows(`select count(*) from
    (select event_timestamp < lag(event_timestamp) over (order by rowid) as is_back from marts.staged) where is_back`);
  assert.deepEqual(inOrder, [[0]], 'rows lie in the order of time');
});

test('a grain that is not unique is kept, row for row', async () => {
  const models = {
    staged,
    daily: {
      live: { grain: ['user_id'], keys_from: { staged: { user_id: 'user_id' } } },
      sql: 'select user_id, event_id from marts.staged qualify row_number() over (partition by user_id order by ingest_seq) <= 2',
    },
  };
  const project = new Project({ models });
  await using trial = await project.open();
  await trial.load(first.slice(0, 2), '2026-01-02 01:00:00');
  for (const id of ['d', 'e', 'f']) {
    await trial.load([event(id, '02 00:50:00')], '2026-01-02 01:00:00');
    assert.deepEqual(await trial.differences(), []);
  }
});

test('a model that reads what is not there stops the start, by name', async () => {
  const project = new Project({ models: { m: { sql: 'select * from raw.regions' } } });
  await using trial = await project.open();
  await trial.session.run('drop table raw.regions; drop table marts.m');
  await assert.rejects(trial.restart(), {
    code: 'MODELS_PARENT_MISSING',
    message: /Model m reads raw\.regions/,
  });
});

test('a model that the engine refuses stops the start, by name, and leaves everything as it was', async () => {
  const project = new Project();
  await using trial = await project.open();
  const broken = writeManifest(
    { staged, daily: { ...daily, sql: 'select nothing from marts.staged' } },
    workshopSources(true),
  );
  await assert.rejects(trial.restart(broken), {
    code: 'MODELS_SQL_INVALID',
    message: /Model daily: .*nothing/s,
  });
  await trial.restart();
  await trial.load(first, '2026-01-02 01:00:00');
  assert.deepEqual(await trial.differences(), []);
});

test('a project without models loads', async () => {
  const project = new Project({ models: {} });
  await using trial = await project.open();
  assert.deepEqual(await trial.load(first, '2026-01-02 01:00:00'), { changedTables: [], modelsMs: {} });
  assert.deepEqual(await project.idle(trial), []);
});
