import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom, silentMeter, type MillraceError } from '@millrace/core/base';
import {
  TableVersions,
  type ModelRefresher,
  type RawChange,
  type RefreshReport,
  type SqlSession,
} from '@millrace/core/warehouse';
import { VirtualClock } from '@millrace/testkit/clock';
import { NOW_MS, NO_RANDOM, PartitionLog, SHOP_TABLE, shopEvent } from '@millrace/testkit/warehouse';
import { databaseSettings } from './config.ts';
import { WarehouseThread } from './warehouse-thread.ts';

/** Counts the events of each user, from the new rows alone, and fails when a test says so. */
class CountingRefresher implements ModelRefresher {
  readonly prepared: string[] = [];
  readonly changes: RawChange[][] = [];
  failure: Error | undefined;
  due: RefreshReport | undefined;

  async prepare(session: SqlSession): Promise<void> {
    const columns = await session.rows(
      "select column_name from information_schema.columns where table_name = 'raw_events'",
    );
    this.prepared.push(columns.flat().join(' '));
    await session.run(
      'create table if not exists millrace.main.user_counts (user_id varchar, events bigint)',
    );
  }

  async refresh(session: SqlSession, changes: readonly RawChange[]): Promise<RefreshReport> {
    this.changes.push([...changes]);
    for (const { newRows } of changes) {
      await session.run(
        `insert into millrace.main.user_counts select user_id, count(*) from ${newRows} group by 1`,
      );
    }
    if (this.failure !== undefined) throw this.failure;
    return { changedTables: changes.length === 0 ? [] : ['main.user_counts'], modelsMs: { user_counts: 1 } };
  }

  async idle(): Promise<RefreshReport | undefined> {
    const { due } = this;
    this.due = undefined;
    return due;
  }
}

interface Opened {
  readonly thread: WarehouseThread;
  readonly refresher: CountingRefresher;
  readonly versions: TableVersions;
  readonly clock: VirtualClock;
  readonly changed: string[];
  readonly log: PartitionLog;
}

async function withThread(
  options: { walBytesMax?: number; memoryBytesMax?: number },
  use: (opened: Opened) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-thread-'));
  const refresher = new CountingRefresher();
  const versions = new TableVersions([]);
  const clock = new VirtualClock();
  const changed: string[] = [];
  const thread = await WarehouseThread.open({
    settings: databaseSettings({ folder, ...options }),
    versions,
    clock,
    meter: silentMeter,
    createRefresher: async () => refresher,
    onChange: (tables) => changed.push(...tables),
  });
  try {
    await thread.defineTables([SHOP_TABLE]);
    const log = new PartitionLog('events', 0);
    await use({ thread, refresher, versions, clock, changed, log });
  } finally {
    await thread.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function answer(thread: WarehouseThread, sql: string): Promise<unknown> {
  return (await thread.query(sql, {})).columns[0]![0];
}

test('models see the new rows alone, and change in the same transaction', () =>
  withThread({}, async ({ thread, refresher, versions, changed, log }) => {
    log.append([shopEvent(1, NO_RANDOM), shopEvent(2, NO_RANDOM)]);
    const receipt = await thread.load([log.part()], NOW_MS);
    assert.deepEqual(refresher.changes, [[{ table: 'raw_events', newRows: 'temp.main.new_raw_events' }]]);
    assert.deepEqual(receipt.changedTables, ['raw.raw_events', 'main.user_counts', 'raw.as_of']);
    assert.deepEqual(changed, receipt.changedTables);
    assert.deepEqual(receipt.timings.modelsMs, { user_counts: 1 });
    log.append([shopEvent(3, NO_RANDOM)]);
    await thread.load([log.part(2)], NOW_MS);
    assert.equal(await answer(thread, 'select sum(events) from main.user_counts'), 3);
    assert.equal(versions.read('main.user_counts'), 2);
  }));

test('a refresh that fails rolls everything back; the same parts load afterwards', () =>
  withThread({}, async ({ thread, refresher, versions, changed, log }) => {
    log.append([shopEvent(1, NO_RANDOM), 'bad']);
    refresher.failure = new Error('division by zero in fct_user_daily');
    for (let attempt = 0; attempt < 3; attempt++) {
      await assert.rejects(thread.load([log.part()], NOW_MS), (error: MillraceError) => {
        assert.deepEqual([error.code, error.kind], ['WAREHOUSE_REFRESH_FAILED', 'transient']);
        assert.match(error.message, /fct_user_daily/);
        return true;
      });
    }
    assert.deepEqual(await thread.loadedOffsets(), []);
    for (const table of ['raw.raw_events', 'raw.as_of', 'meta.rejected_rows', 'main.user_counts']) {
      assert.equal(await answer(thread, `select count(*) from ${table}`), 0, table);
    }
    assert.deepEqual(changed, []);
    assert.equal(versions.read('raw.raw_events'), 0);
    refresher.failure = undefined;
    const receipt = await thread.load([log.part()], NOW_MS);
    assert.deepEqual([receipt.rows, receipt.rejectedRows], [1, 1]);
    assert.equal(await answer(thread, 'select max(ingest_seq) from raw.raw_events'), 1);
    assert.equal(await answer(thread, 'select sum(events) from main.user_counts'), 1);
  }));

test('a model that trips over SQL is a refresh that failed, not the end of loading', () =>
  withThread({}, async ({ thread, refresher, log }) => {
    refresher.refresh = async (session) => {
      await session.run("select 'x'::integer");
      return { changedTables: [], modelsMs: {} };
    };
    log.append([shopEvent(1, NO_RANDOM)]);
    await assert.rejects(thread.load([log.part()], NOW_MS), { code: 'WAREHOUSE_REFRESH_FAILED' });
    delete (refresher as Partial<CountingRefresher>).refresh;
    assert.equal((await thread.load([log.part()], NOW_MS)).rows, 1);
  }));

test('models are prepared again when a raw table gains columns, and not otherwise', () =>
  withThread({}, async ({ thread, refresher }) => {
    await thread.defineTables([SHOP_TABLE]);
    assert.equal(refresher.prepared.length, 1);
    const coupon = { name: 'coupon', type: 'varchar', personal: false } as const;
    await thread.defineTables([{ ...SHOP_TABLE, columns: [...SHOP_TABLE.columns, coupon] }]);
    assert.equal(refresher.prepared.length, 2);
    assert.match(refresher.prepared[1]!, /coupon/);
  }));

test('slower refreshes get their turn when it is quiet and between loads, and raise versions', () =>
  withThread({}, async ({ thread, refresher, versions, clock, changed, log }) => {
    refresher.due = { changedTables: ['marts.slow'], modelsMs: {} };
    await clock.advance(1000);
    await thread.loadedOffsets();
    assert.deepEqual(changed, ['marts.slow']);
    assert.equal(versions.read('marts.slow'), 1);
    refresher.due = { changedTables: ['marts.slow'], modelsMs: {} };
    await clock.advance(499);
    log.append([shopEvent(1, NO_RANDOM)]);
    await clock.advance(1);
    await thread.load([log.part()], NOW_MS);
    await thread.loadedOffsets();
    assert.equal(versions.read('marts.slow'), 2);
  }));

test('the write-ahead log is written back when it is large, and when it is quiet', () =>
  withThread({ walBytesMax: 200_000 }, async ({ thread, clock, log }) => {
    const random = seededRandom(1);
    const load = async () => {
      const from = log.nextOffset;
      log.append(Array.from({ length: 500 }, (_, index) => shopEvent(from + index, random)));
      await thread.load([log.part(from)], NOW_MS + from);
    };
    let walBytesMax = 0;
    for (let count = 0; count < 20; count++) {
      await load();
      walBytesMax = Math.max(walBytesMax, (await thread.checkpoint()).walBytes);
    }
    assert.ok(walBytesMax > 0 && walBytesMax < 200_000, `${walBytesMax} bytes`);
    for (let count = 0; count < 20; count++) await load();
    await thread.loadedOffsets();
    const { walBytes } = await thread.checkpoint();
    assert.ok(walBytes < 200_000 + walBytesMax, `${walBytes} bytes`);

    for (let count = 0; count < 8; count++) await load();
    await clock.advance(5000);
    await thread.loadedOffsets();
    assert.ok((await thread.checkpoint()).walBytes < 256 * 1024);
  }));

test('rows of past loads do not stay in memory', () =>
  withThread({ memoryBytesMax: 128 * 1024 * 1024 }, async ({ thread, log }) => {
    const random = seededRandom(2);
    const memory = async () =>
      Number(
        await answer(
          thread,
          "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'",
        ),
      );
    const seen: number[] = [];
    for (let count = 0; count < 40; count++) {
      const from = log.nextOffset;
      log.append(Array.from({ length: 2000 }, (_, index) => shopEvent(from + index, random)));
      await thread.load([log.part(from)], NOW_MS + from);
      // Rows that a checkpoint has not written to the file yet are in memory by right.
      await thread.checkpoint();
      seen.push(await memory());
    }
    assert.ok(seen.at(-1)! <= seen[9]! * 1.5, `bytes after each load: ${seen.join(' ')}`);
  }));
