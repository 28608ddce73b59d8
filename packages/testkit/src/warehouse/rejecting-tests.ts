import assert from 'node:assert/strict';
import { NOW_MS, NO_RANDOM, type WarehouseTests } from './fixture.ts';
import { PartitionLog, shopEvent } from './shop-events.ts';

/** What happens to records that fit no row. */
export const rejectingTests: WarehouseTests = {
  async 'a record that fits no row is diverted, and the others are loaded'(warehouse) {
    const log = new PartitionLog('events', 1);
    const base = { event_id: 'e', event_timestamp: 1_700_000_000_000 };
    const bad: unknown[] = [
      '{"event_id":',
      '[1]',
      null,
      new Uint8Array([0xff, 0xfe]),
      { ...base, event_timestamp: '2026-02-30T00:00:00Z' },
      { ...base, event_timestamp: null },
      { event_timestamp: 1_700_000_000_000 },
      { ...base, quantity: 1.5 },
      '{"event_id":"e","event_timestamp":1700000000000,"quantity":9223372036854775808}',
      { ...base, amount: 1e15 },
      { ...base, amount: 'much' },
      { ...base, score: '1.5' },
      '{"event_id":"e","event_timestamp":1700000000000,"score":1e999}',
      { ...base, is_member: 'yes' },
      { ...base, born_on: '2026-13-01' },
      { ...base, user_id: { nested: true } },
    ];
    for (const [index, value] of bad.entries()) log.append([shopEvent(index * 3, NO_RANDOM), value]);
    const receipt = await warehouse.load([log.part()], NOW_MS);
    assert.deepEqual([receipt.rows, receipt.rejectedRows], [bad.length, bad.length]);
    const [offset] = await warehouse.loadedOffsets();
    assert.deepEqual(
      [offset?.rows, offset?.rejectedRows, offset?.nextOffset],
      [bad.length, bad.length, 2 * bad.length],
    );
    const rows = await warehouse.query('select log_offset, ingest_seq from raw.raw_events order by 2');
    assert.deepEqual(
      rows.columns[0],
      bad.map((_, index) => index * 2),
    );
    assert.deepEqual(
      rows.columns[1],
      bad.map((_, index) => index + 1),
    );
    const rejected = await warehouse.query(
      'select topic, "partition", log_offset, reason, "value" from meta.rejected_rows order by log_offset',
    );
    assert.deepEqual(
      rejected.columns[2],
      bad.map((_, index) => index * 2 + 1),
    );
    assert.deepEqual(new Set(rejected.columns[0]), new Set(['events']));
    assert.deepEqual(new Set(rejected.columns[1]), new Set([1]));
    assert.match(String(rejected.columns[3]![4]), /event_timestamp.*timestamp.*2026-02-30/);
    assert.match(String(rejected.columns[3]![6]), /event_id.*missing/);
    assert.equal(rejected.columns[4]![0], '{"event_id":');
    assert.equal(rejected.columns[4]![2], null);
    const again = await warehouse.load([log.part()], NOW_MS);
    assert.deepEqual([again.rows, again.rejectedRows], [0, 0]);
  },

  async 'a load of nothing but bad records moves on'(warehouse) {
    const log = new PartitionLog('events', 0);
    log.append(Array.from({ length: 3000 }, () => 'no json'));
    const receipt = await warehouse.load([log.part()], NOW_MS);
    assert.deepEqual([receipt.rows, receipt.rejectedRows], [0, 3000]);
    assert.equal((await warehouse.loadedOffsets())[0]?.nextOffset, 3000);
    const { columns } = await warehouse.query('select count(*) from meta.rejected_rows');
    assert.ok(Number(columns[0]![0]) > 0);
  },
};
