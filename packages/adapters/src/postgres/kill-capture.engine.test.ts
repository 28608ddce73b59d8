import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Random, seededRandom } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import {
  parseExact,
  postgresAbsent,
  PostgresServer,
  rebuiltTable,
  type TrialTable,
  trialTables,
} from '@millrace/testkit/postgres';
import { CaptureProcess, openLogIn } from './capture-process.ts';
import { PgConnection, quoted } from './connection.ts';

const KILLS = 10;
const WRITERS = 3;
const seed = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 1e6);

test(`killed at random, the log still holds each change once (seed ${seed})`, async (t) => {
  const absent = postgresAbsent();
  if (absent !== undefined) return t.skip(absent);
  const server = await PostgresServer.start();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-capture-'));
  t.after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const admin = await PgConnection.open(server.url());
  await admin.rows(`CREATE TYPE mood AS ENUM ('happy', 'so, so', 'sad')`);
  for (const { create } of trialTables) for (const each of create.split(';')) await admin.rows(each);
  await admin.rows('CREATE PUBLICATION millrace FOR ALL TABLES');
  // A copy that takes long enough to be killed in.
  await admin.rows(`INSERT INTO items SELECT g, repeat('x', 3000), '{}', now(), '', 0
    FROM generate_series(1000, 9000) g`);

  const random = seededRandom(seed);
  const stop = new AbortController();
  const writers = Array.from({ length: WRITERS }, (_, index) =>
    write(server.url(), seededRandom(seed + index + 1), stop.signal),
  );
  const options = {
    folder,
    definition: { name: 'shop', url: server.url() },
    // Now and then a transaction is larger.
    transactionBytesMax: 20_000,
  };
  for (let kill = 0; kill < KILLS; kill++) {
    const capture = new CaptureProcess(options);
    await delay(300 + random.next() * (kill < 4 ? 600 : 1_700));
    assert.equal(capture.exitCode, null, 'the capture runs until it is killed');
    await capture.kill();
    if (kill === KILLS / 2) await admin.rows(`ALTER TABLE items ADD COLUMN extra text DEFAULT 'new'`);
  }
  const capture = new CaptureProcess(options);
  await delay(1_500);
  stop.abort();
  const transactions = (await Promise.all(writers)).reduce((sum, count) => sum + count, 0);
  await untilConfirmed(admin, 'millrace_shop');
  await capture.kill();

  const log = await openLogIn(folder);
  for (const table of trialTables) await compare(table, admin, log);
  await log.close();
  await admin.close();
  t.diagnostic(`${transactions} transactions, ${KILLS} kills`);
});

/** Random transactions, a part of them rolled back; resolves to how many there were. */
async function write(url: string, random: Random, signal: AbortSignal): Promise<number> {
  const connection = await PgConnection.open(url);
  let count = 0;
  for (; !signal.aborted; count++) {
    try {
      await connection.rows('BEGIN');
      const statements = 1 + Math.floor(random.next() * 5);
      for (let each = 0; each < statements; each++) {
        const table = trialTables[Math.floor(random.next() * trialTables.length)]!;
        await connection.rows(table.statement(random));
      }
      await connection.rows(random.next() < 0.1 ? 'ROLLBACK' : 'COMMIT');
    } catch {
      // Deadlocks and keys that another writer took are part of the trial.
      await connection.rows('ROLLBACK');
    }
    await delay(1);
  }
  await connection.close();
  return count;
}

async function untilConfirmed(admin: PgConnection, slot: string): Promise<void> {
  const [[end] = []] = await admin.rows('SELECT pg_current_wal_lsn()');
  // A slot that was just made is past everything: only an active one has been read.
  const query = `SELECT active AND confirmed_flush_lsn >= $2::pg_lsn FROM pg_replication_slots WHERE slot_name = $1`;
  for (let round = 0; round < 300; round++) {
    const [[isThere] = []] = await admin.rows(query, [slot, end]);
    if (isThere === 't') return;
    await delay(100);
  }
  throw new Error(`the capture did not come to ${end}`);
}

async function compare(
  { name, key, compared }: TrialTable,
  admin: PgConnection,
  log: EventLog,
): Promise<void> {
  const names = Object.keys(compared);
  const list = Object.values(compared).map((expression) => `(${expression})::text`);
  const rows = await admin.rows(`SELECT ${list.join(', ')} FROM ${quoted(name)}`);
  const expected = new Map<string, unknown>();
  for (const row of rows) {
    const values = Object.fromEntries(names.map((column, index) => [column, row[index]]));
    const tags = values['tags'];
    if (typeof tags === 'string') values['tags'] = JSON.stringify(parseExact(tags));
    expected.set(JSON.stringify(key.map((column) => values[column])), values);
  }
  const topic = `shop.public.${name.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
  const actual = new Map<string, unknown>();
  for (const row of (await rebuiltTable(log, topic)).values()) {
    const values = Object.fromEntries(
      names.map((column) => [column, Array.isArray(row[column]) ? JSON.stringify(row[column]) : row[column]]),
    );
    actual.set(JSON.stringify(key.map((column) => values[column])), values);
  }
  assert.equal(actual.size, expected.size, `rows of ${name}`);
  assert.deepEqual(actual, expected, name);
}
