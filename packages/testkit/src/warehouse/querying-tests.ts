import assert from 'node:assert/strict';
import { isMillraceError } from '@millrace/core/base';
import type { SqlValue } from '@millrace/core/warehouse';
import { NOW_MS, NO_RANDOM, rejectsWith, type WarehouseTests } from './fixture.ts';
import { PartitionLog, shopEvent } from './shop-events.ts';

/** What queries may and may not. */
export const queryingTests: WarehouseTests = {
  async 'only one statement that reads is answered'(warehouse) {
    const writes = [
      `insert into raw.raw_events (event_id) values ('x')`,
      'delete from raw.raw_events',
      'update raw.as_of set as_of = null',
      'create table raw.mine (a integer)',
      'create temp table mine (a integer)',
      'drop table raw.raw_events',
      'alter table raw.raw_events add column mine integer',
      'begin',
      'commit',
      `set threads = 1`,
      'checkpoint',
      'use raw',
    ];
    for (const sql of writes) await rejectsWith(warehouse.query(sql), 'WAREHOUSE_QUERY_WRITES', sql);
    await rejectsWith(warehouse.query('select 1; select 2'), 'WAREHOUSE_QUERY_MULTIPLE');
    await rejectsWith(warehouse.query('select 1; drop table raw.raw_events'), 'WAREHOUSE_QUERY_MULTIPLE');
    for (const sql of ['', '  ', '-- nothing', 'selec 1', 'select * from nowhere', `select 'x'::integer`]) {
      await rejectsWith(warehouse.query(sql), 'WAREHOUSE_QUERY_INVALID', sql);
    }
    assert.deepEqual((await warehouse.query('select count(*) from raw.raw_events;')).columns, [[0]]);
    assert.deepEqual((await warehouse.query('with a as (select 1 as x) select x from a -- end')).columns, [
      [1],
    ]);
  },

  async 'parameters are bound by position, with their types'(warehouse) {
    const log = new PartitionLog('events', 0);
    log.append(
      [1, 2, 3].map((id) => ({ ...shopEvent(id, NO_RANDOM), user_id: `u${id}`, quantity: id * 2 ** 40 })),
    );
    await warehouse.load([log.part()], NOW_MS);
    const ask = async (condition: string, params: readonly SqlValue[]) => {
      const sql = `select event_id from raw.raw_events where ${condition} order by 1`;
      return (await warehouse.query(sql, { params })).columns[0];
    };
    assert.deepEqual(await ask('user_id = ?', ['u2']), ['e2']);
    assert.deepEqual(await ask(`user_id = ? or user_id = ?`, ["u'; --", 'u3']), ['e3']);
    assert.deepEqual(await ask('quantity >= ?', [2 * 2 ** 40]), ['e2', 'e3']);
    assert.deepEqual(await ask('event_timestamp > ?', ['2023-11-14T22:13:21.600']), ['e2', 'e3']);
    assert.deepEqual(await ask('(? is null) = ?', [null, true]), ['e1', 'e2', 'e3']);
    await rejectsWith(ask('user_id = ?', []), 'WAREHOUSE_QUERY_INVALID');
  },

  async 'results are limited in rows and in time, and the next query is served'(warehouse, { sql }) {
    const log = new PartitionLog('events', 0);
    log.append(Array.from({ length: 3000 }, (_, id) => shopEvent(id, NO_RANDOM)));
    await warehouse.load([log.part()], NOW_MS);
    const all = 'select event_id from raw.raw_events';
    await rejectsWith(warehouse.query(all, { rowsMax: 2999 }), 'WAREHOUSE_TOO_MANY_ROWS');
    assert.equal((await warehouse.query(all, { rowsMax: 3000 })).columns[0]?.length, 3000);
    await rejectsWith(warehouse.query(sql.endless, { timeoutMs: 50 }), 'WAREHOUSE_QUERY_TIMEOUT');
    const stuck = Array.from({ length: 8 }, () => warehouse.query(sql.endless, { timeoutMs: 100 }));
    await Promise.all(stuck.map((query) => rejectsWith(query, 'WAREHOUSE_QUERY_TIMEOUT')));
    assert.deepEqual((await warehouse.query('select 1')).columns, [[1]]);
  },

  async 'rows and as_of are of one snapshot while loads go on'(warehouse) {
    const log = new PartitionLog('events', 0);
    const LOADS = 30;
    const progress = { isLoading: true };
    const load = async () => {
      for (let count = 1; count <= LOADS; count++) {
        log.append([shopEvent(count, NO_RANDOM)]);
        await warehouse.load([log.part(count - 1)], NOW_MS + count);
      }
      progress.isLoading = false;
    };
    const read = async () => {
      const seen: number[] = [];
      while (progress.isLoading) {
        const { columns, asOfMs } = await warehouse.query('select count(*) from raw.raw_events');
        const count = Number(columns[0]![0]);
        assert.equal(asOfMs, count === 0 ? undefined : NOW_MS + count);
        seen.push(count);
      }
      return seen;
    };
    const [, one, other] = await Promise.all([load(), read(), read()]);
    assert.deepEqual(
      one,
      one.toSorted((a, b) => a - b),
    );
    assert.ok(one.length > 1 && other.length > 1);
  },

  async 'after close everything is refused'(warehouse, { sql }) {
    const running = warehouse.query(sql.endless).then(
      () => 'answered',
      (error: unknown) => (isMillraceError(error) ? error.code : error),
    );
    await warehouse.close();
    await warehouse.close();
    assert.equal(await running, 'WAREHOUSE_CLOSED');
    await rejectsWith(warehouse.query('select 1'), 'WAREHOUSE_CLOSED');
    await rejectsWith(warehouse.load([], NOW_MS), 'WAREHOUSE_CLOSED');
    await rejectsWith(warehouse.loadedOffsets(), 'WAREHOUSE_CLOSED');
  },
};
