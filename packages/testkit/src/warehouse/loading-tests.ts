import assert from 'node:assert/strict';
import type { SqlValue } from '@millrace/core/warehouse';
import { NOW_MS, NO_RANDOM, rejectsWith, type WarehouseTests } from './fixture.ts';
import { PartitionLog, shopEvent } from './shop-events.ts';

/** What loading must do, record by record. */
export const loadingTests: WarehouseTests = {
  async 'rows carry every column type, and where they come from'(warehouse) {
    const log = new PartitionLog('events', 3);
    const full = {
      event_id: 'e1',
      event_type: 'purchase',
      event_timestamp: '2026-03-01T13:00:00.250+01:00',
      user_id: 'ünïcödé 💶 "quoted" \u0000 end',
      quantity: 9_007_199_254_740_991,
      amount: 12_345_678.9012,
      score: 1e-7,
      is_member: true,
      born_on: '2000-02-29',
      properties: { list: [1, null, 'x'] },
      unknown_field: 'ignored',
    };
    const sparse = { event_id: 'e2', event_timestamp: 1_772_366_400_001, user_id: null };
    log.append([full, sparse], { createdAtMs: NOW_MS - 1000 });
    const receipt = await warehouse.load([log.part()], NOW_MS);
    assert.equal(receipt.rows, 2);
    const { names, types, columns } = await warehouse.query(
      'select * from raw.raw_events order by ingest_seq',
    );
    const row = (index: number) =>
      Object.fromEntries(names.map((name, column) => [name, columns[column]![index]!])) as Record<
        string,
        SqlValue
      >;
    const places = { received_at: '2027-01-15T07:59:59.000', log_partition: 3 };
    assert.deepEqual(row(0), {
      event_id: 'e1',
      event_type: 'purchase',
      event_timestamp: '2026-03-01T12:00:00.250',
      user_id: full.user_id,
      quantity: 9_007_199_254_740_991,
      amount: '12345678.9012',
      score: 1e-7,
      is_member: true,
      born_on: '2000-02-29',
      properties: '{"list":[1,null,"x"]}',
      ingest_seq: 1,
      ...places,
      log_offset: 0,
    });
    const nothing = {
      event_type: null,
      user_id: null,
      quantity: null,
      amount: null,
      score: null,
      is_member: null,
    };
    assert.deepEqual(row(1), {
      event_id: 'e2',
      event_timestamp: '2026-03-01T12:00:00.001',
      ...nothing,
      born_on: null,
      properties: null,
      ingest_seq: 2,
      ...places,
      log_offset: 1,
    });
    assert.equal(types.length, names.length);
  },

  async 'numbers keep all their digits'(warehouse) {
    const log = new PartitionLog('events', 0);
    const event = (id: string, fields: string) =>
      `{"event_id":"${id}","event_timestamp":1700000000000,${fields}}`;
    log.append([
      event('e1', '"quantity":-9223372036854775808,"amount":99999999999999.9999'),
      event('e2', '"quantity":9007199254740993,"properties":{"n":12345678901234567890.5}'),
      event('e3', '"amount":0.00005'),
      event('e4', '"amount":-0.00005,"quantity":1e3'),
    ]);
    await warehouse.load([log.part()], NOW_MS);
    const { columns } = await warehouse.query(
      'select cast(quantity as varchar), cast(amount as varchar), cast(properties as varchar) from raw.raw_events order by ingest_seq',
    );
    assert.deepEqual(columns, [
      ['-9223372036854775808', '9007199254740993', null, '1000'],
      ['99999999999999.9999', null, '0.0001', '-0.0001'],
      [null, '{"n":12345678901234567890.5}', null, null],
    ]);
    const { columns: asValues } = await warehouse.query(
      'select quantity from raw.raw_events order by ingest_seq',
    );
    assert.deepEqual(asValues, [['-9223372036854775808', '9007199254740993', null, 1000]]);
  },

  async 'a part that was loaded before changes nothing, however it is cut'(warehouse) {
    const log = new PartitionLog('events', 0);
    for (let batch = 0; batch < 4; batch++) {
      log.append([0, 1, 2].map((index) => shopEvent(batch * 3 + index, NO_RANDOM)));
    }
    await warehouse.load([log.part(0, 6)], NOW_MS);
    const again = await warehouse.load([log.part(0, 6)], NOW_MS);
    assert.deepEqual([again.rows, again.loaded, again.changedTables], [0, [], []]);
    const overlapping = await warehouse.load([log.part(0), log.part(5)], NOW_MS);
    assert.equal(overlapping.rows, 6);
    const { columns } = await warehouse.query('select log_offset, ingest_seq from raw.raw_events order by 1');
    assert.deepEqual(
      columns[0],
      Array.from({ length: 12 }, (_, index) => index),
    );
    assert.deepEqual(
      columns[1],
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    const [offset] = await warehouse.loadedOffsets();
    const place = { topic: 'events', partition: 0 };
    assert.deepEqual(offset, { ...place, nextOffset: 12, rows: 12, rejectedRows: 0, expiredRecords: 0 });
  },

  async 'records that were not handed over stop the load; those gone from the log are counted'(warehouse) {
    const log = new PartitionLog('events', 0);
    for (let index = 0; index < 5; index++) log.append([shopEvent(index, NO_RANDOM)]);
    await warehouse.load([log.part(0, 1)], NOW_MS);
    const gap = { ...log.part(3), fromOffset: 1 };
    await rejectsWith(warehouse.load([gap], NOW_MS), 'WAREHOUSE_RECORDS_MISSING');
    const receipt = await warehouse.load([log.part(3)], NOW_MS);
    assert.equal(receipt.rows, 2);
    const [offset] = await warehouse.loadedOffsets();
    assert.deepEqual([offset?.nextOffset, offset?.rows, offset?.expiredRecords], [5, 3, 2]);
  },

  async 'the receipt says which events are how old; replayed ones stay out'(warehouse) {
    const log = new PartitionLog('events', 0);
    log.append([shopEvent(1, NO_RANDOM), shopEvent(2, NO_RANDOM)], { createdAtMs: NOW_MS - 20 });
    log.append([shopEvent(3, NO_RANDOM)], { createdAtMs: NOW_MS - 10 });
    const replayed = [{ key: 'replayed', value: new Uint8Array([1]) }];
    log.append([shopEvent(4, NO_RANDOM)], { createdAtMs: NOW_MS - 5, headers: replayed });
    const receipt = await warehouse.load([log.part()], NOW_MS);
    assert.deepEqual(receipt.createdAtMs, [
      { createdAtMs: NOW_MS - 20, count: 2 },
      { createdAtMs: NOW_MS - 10, count: 1 },
    ]);
    assert.deepEqual([receipt.rows, receipt.replayedRows], [4, 1]);
  },

  async 'as_of never goes back, and moves on without rows'(warehouse) {
    assert.equal((await warehouse.query('select 1')).asOfMs, undefined);
    const log = new PartitionLog('events', 0);
    log.append([shopEvent(1, NO_RANDOM)]);
    assert.equal((await warehouse.load([log.part()], NOW_MS)).asOfMs, NOW_MS);
    log.append([shopEvent(2, NO_RANDOM)]);
    assert.equal((await warehouse.load([log.part(1)], NOW_MS - 500)).asOfMs, NOW_MS);
    assert.equal((await warehouse.load([], NOW_MS + 7)).asOfMs, NOW_MS + 7);
    const { asOfMs, columns } = await warehouse.query('select as_of from raw.as_of');
    assert.equal(asOfMs, NOW_MS + 7);
    assert.deepEqual(columns, [['2027-01-15T08:00:00.007']]);
  },

  async 'a topic without a table is refused'(warehouse) {
    const log = new PartitionLog('elsewhere', 0);
    log.append([shopEvent(1, NO_RANDOM)]);
    await rejectsWith(warehouse.load([log.part()], NOW_MS), 'WAREHOUSE_UNKNOWN_TOPIC');
    assert.deepEqual(await warehouse.loadedOffsets(), []);
  },
};
