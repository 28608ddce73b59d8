import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isMillraceError } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import { postgresAbsent, PostgresServer, recordsOf } from '@millrace/testkit/postgres';
import { captureInto, openLogIn } from './capture-process.ts';
import { PgConnection } from './connection.ts';

interface Trial {
  readonly server: PostgresServer;
  readonly admin: PgConnection;
  readonly log: EventLog;
}

/** A server and a log; undefined after the test was skipped with the reason. */
async function trialOf(
  t: TestContext,
  settings: Readonly<Record<string, string>> = {},
): Promise<Trial | undefined> {
  const absent = postgresAbsent();
  if (absent !== undefined) {
    t.skip(absent);
    return undefined;
  }
  const server = await PostgresServer.start(settings);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-capture-'));
  const admin = await PgConnection.open(server.url());
  const log = await openLogIn(folder);
  t.after(async () => {
    await log.close();
    await admin.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return { server, admin, log };
}

/** Captures until the server knows that everything written so far is durable here, then stops. */
async function captureAll({ server, admin, log }: Trial, work: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const running = captureInto(log, { definition: { name: 'db', url: server.url() } }, stop.signal);
  const failed = running.then(() => undefined);
  await Promise.race([failed, untilConfirmed(admin)]);
  await work();
  await Promise.race([failed, untilConfirmed(admin)]);
  stop.abort();
  await running;
}

async function untilConfirmed(admin: PgConnection): Promise<void> {
  const [[end] = []] = await admin.rows('SELECT pg_current_wal_lsn()');
  const query = 'SELECT 1 FROM pg_replication_slots WHERE active AND confirmed_flush_lsn >= $1::pg_lsn';
  while ((await admin.rows(query, [end])).length === 0) await delay(20);
}

test('each kind of change becomes the records that Debezium makes', async (t) => {
  const trial = await trialOf(t);
  if (trial === undefined) return;
  const { admin, log } = trial;
  await admin.rows('CREATE TABLE whole (id int PRIMARY KEY, big text, n int)');
  await admin.rows('ALTER TABLE whole REPLICA IDENTITY FULL');
  await admin.rows('CREATE TABLE plain (id int PRIMARY KEY, big text, n int)');
  await admin.rows('ALTER TABLE plain ALTER big SET STORAGE EXTERNAL');
  await admin.rows('CREATE PUBLICATION millrace FOR ALL TABLES');
  for (const table of ['whole', 'plain']) {
    await admin.rows(`INSERT INTO ${table} VALUES (1, repeat('x', 5000), 1)`);
  }
  await captureAll(trial, async () => {
    for (const table of ['whole', 'plain']) {
      await admin.rows(`UPDATE ${table} SET n = 2`);
      await admin.rows(`ALTER TABLE ${table} RENAME n TO count`);
      await admin.rows(`UPDATE ${table} SET id = 2, big = 'small'`);
      await admin.rows(`DELETE FROM ${table}`);
      await admin.rows(`TRUNCATE ${table}`);
    }
  });
  const big = 'x'.repeat(5000);
  const seen = async (table: string) =>
    (await recordsOf(log, `db.public.${table}`)).map(({ key, value }) => [
      key,
      value && [value.op, value.before, value.after],
    ]);
  assert.deepEqual(await seen('whole'), [
    ['{"id":1}', ['r', null, { id: '1', big, n: '1' }]],
    ['{"id":1}', ['u', { id: '1', big, n: '1' }, { id: '1', big, n: '2' }]],
    ['{"id":1}', ['d', { id: '1', big, count: '2' }, null]],
    ['{"id":1}', null],
    ['{"id":2}', ['c', null, { id: '2', big: 'small', count: '2' }]],
    ['{"id":2}', ['d', { id: '2', big: 'small', count: '2' }, null]],
    ['{"id":2}', null],
    [null, ['t', null, null]],
  ]);
  assert.deepEqual(await seen('plain'), [
    ['{"id":1}', ['r', null, { id: '1', big, n: '1' }]],
    ['{"id":1}', ['u', null, { id: '1', big: '__debezium_unavailable_value', n: '2' }]],
    ['{"id":1}', ['d', { id: '1', big: null, count: null }, null]],
    ['{"id":1}', null],
    ['{"id":2}', ['c', null, { id: '2', big: 'small', count: '2' }]],
    ['{"id":2}', ['d', { id: '2', big: null, count: null }, null]],
    ['{"id":2}', null],
    [null, ['t', null, null]],
  ]);
});

test('a source without tables of its own to follow lets the server forget', async (t) => {
  const trial = await trialOf(t);
  if (trial === undefined) return;
  const { admin } = trial;
  await admin.rows('CREATE TABLE followed (id int PRIMARY KEY)');
  await admin.rows('CREATE TABLE other (id int)');
  await admin.rows('CREATE PUBLICATION millrace FOR TABLE followed');
  await captureAll(trial, async () => {
    await admin.rows('INSERT INTO other SELECT generate_series(1, 50000)');
  });
});

test('what is missing is named with the statements that supply it', async (t) => {
  const trial = await trialOf(t, { wal_level: 'replica', max_replication_slots: '0' });
  if (trial === undefined) return;
  const { server, admin, log } = trial;
  await admin.rows('CREATE ROLE reader LOGIN');
  const definition = { name: 'db', url: server.url('reader') };
  const attempt = () => captureInto(log, { definition }, new AbortController().signal);
  const remedyOf = async (): Promise<string[]> => {
    const error = await attempt().catch((caught: unknown) => caught);
    assert.equal(isMillraceError(error) && error.code, 'POSTGRES_NOT_READY');
    return isMillraceError(error) ? error.remedy.split('\n') : [];
  };
  const settings = [
    `ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server`,
    'ALTER ROLE "reader" REPLICATION;',
    'ALTER SYSTEM SET max_replication_slots = 1; -- then restart the server',
  ];
  assert.deepEqual(await remedyOf(), [...settings, 'CREATE PUBLICATION "millrace" FOR ALL TABLES;']);

  await admin.rows('CREATE SCHEMA inner_room CREATE TABLE secret (id int PRIMARY KEY)');
  await admin.rows('ALTER TABLE inner_room.secret REPLICA IDENTITY NOTHING');
  await admin.rows(`CREATE PUBLICATION millrace FOR ALL TABLES WITH (publish = 'insert')`);
  const publication = [
    `ALTER PUBLICATION "millrace" SET (publish = 'insert, update, delete, truncate');`,
    'GRANT USAGE ON SCHEMA "inner_room" TO "reader";',
    'GRANT SELECT ON "inner_room"."secret" TO "reader";',
    'ALTER TABLE "inner_room"."secret" REPLICA IDENTITY DEFAULT;',
  ];
  assert.deepEqual(await remedyOf(), [...settings, ...publication]);

  for (const statement of await remedyOf()) await admin.rows(statement);
  assert.deepEqual(await remedyOf(), [settings[0], settings[2]], 'only what a restart has to bring is left');
});

test('a slot that somebody else made is left alone, and one that is gone is no reason to go on', async (t) => {
  const trial = await trialOf(t);
  if (trial === undefined) return;
  const { server, admin, log } = trial;
  await admin.rows('CREATE TABLE followed (id int PRIMARY KEY)');
  await admin.rows('CREATE PUBLICATION millrace FOR ALL TABLES');
  await admin.rows(`SELECT pg_create_logical_replication_slot('millrace_db', 'pgoutput')`);
  const definition = { name: 'db', url: server.url() };
  const attempt = () => captureInto(log, { definition }, new AbortController().signal);
  await assert.rejects(attempt(), (error) => {
    assert.match(
      isMillraceError(error) ? error.remedy : '',
      /^SELECT pg_drop_replication_slot\('millrace_db'\);$/,
    );
    return true;
  });
  await admin.rows(`SELECT pg_drop_replication_slot('millrace_db')`);
  await captureAll(trial, async () => undefined);
  const drop = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active`;
  while ((await admin.rows(drop)).length === 0) await delay(20);
  await assert.rejects(attempt(), { code: 'POSTGRES_SLOT_LOST' });
});

test('a copy that waits for a change which waits for the copy lets it go and begins again', async (t) => {
  const trial = await trialOf(t);
  if (trial === undefined) return;
  const { server, admin, log } = trial;
  await admin.rows('CREATE TABLE busy (id int PRIMARY KEY)');
  await admin.rows('CREATE PUBLICATION millrace FOR ALL TABLES');
  const other = await PgConnection.open(server.url());
  await other.rows('SET lock_timeout = 0');
  await other.rows('BEGIN');
  await other.rows('INSERT INTO busy VALUES (1)');
  const stop = new AbortController();
  const running = captureInto(log, { definition: { name: 'db', url: server.url() } }, stop.signal);
  const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`;
  while ((await admin.rows(waiting)).length === 0) await delay(20);
  await other.rows('ALTER TABLE busy ADD COLUMN n int DEFAULT 7');
  await other.rows('COMMIT');
  await other.close();
  await untilConfirmed(admin);
  stop.abort();
  await running;
  const rows = (await recordsOf(log, 'db.public.busy')).map(({ value }) => value?.after);
  assert.deepEqual(rows.at(-1), { id: '1', n: '7' });
});
