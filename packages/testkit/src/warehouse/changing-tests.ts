import assert from 'node:assert/strict';
import { NOW_MS, NO_RANDOM, rejectsWith, type WarehouseTests } from './fixture.ts';
import { PartitionLog, SHOP_TABLE, shopEvent } from './shop-events.ts';

/** Changing contracts, and the versions that readers go by. */
export const changingTests: WarehouseTests = {
  async 'a contract that grows adds columns; one that changes a type is refused as a whole'(warehouse) {
    const log = new PartitionLog('events', 0);
    log.append([shopEvent(1, NO_RANDOM)]);
    await warehouse.load([log.part()], NOW_MS);
    const coupon = { name: 'coupon', type: 'varchar', personal: false } as const;
    const without = SHOP_TABLE.columns.filter(({ name }) => name !== 'score');
    await warehouse.defineTables([{ ...SHOP_TABLE, columns: [...without, coupon] }]);
    log.append([{ ...shopEvent(4, NO_RANDOM), coupon: 'SPRING', score: 1 }]);
    await warehouse.load([log.part(1)], NOW_MS);
    const { columns } = await warehouse.query(
      'select event_id, coupon, score from raw.raw_events order by ingest_seq',
    );
    assert.deepEqual(columns, [
      ['e1', 'e4'],
      [null, 'SPRING'],
      [null, null],
    ]);

    const other = { ...SHOP_TABLE, topic: 'other', table: 'raw_other' };
    const changed = SHOP_TABLE.columns.map((column) =>
      column.name === 'quantity' ? { ...column, type: 'varchar' as const } : column,
    );
    const error = await rejectsWith(
      warehouse.defineTables([other, { ...SHOP_TABLE, columns: changed }]),
      'WAREHOUSE_SCHEMA_CONFLICT',
    );
    assert.match(error.message, /raw_events.*quantity.*BIGINT.*VARCHAR/i);
    await rejectsWith(warehouse.query('select * from raw.raw_other'), 'WAREHOUSE_QUERY_INVALID');
    log.append([shopEvent(7, NO_RANDOM)]);
    assert.equal((await warehouse.load([log.part(2)], NOW_MS)).rows, 1);
  },

  async 'versions rise with commits and with nothing else'(warehouse) {
    const version = () => warehouse.versions().get('raw.raw_events');
    const seen: { tables: readonly string[]; version: number | undefined }[] = [];
    const cancel = warehouse.onChange((tables) => seen.push({ tables: [...tables], version: version() }));
    const before = version() ?? 0;
    const log = new PartitionLog('events', 0);
    log.append([shopEvent(1, NO_RANDOM)]);
    const receipt = await warehouse.load([log.part()], NOW_MS);
    assert.ok(receipt.changedTables.includes('raw.raw_events'));
    assert.equal(version(), before + 1);
    assert.deepEqual(seen, [{ tables: receipt.changedTables, version: before + 1 }]);

    await warehouse.load([log.part()], NOW_MS);
    await warehouse.load([], NOW_MS + 1);
    const unknown = new PartitionLog('unknown', 0);
    unknown.append([shopEvent(2, NO_RANDOM)]);
    log.append([shopEvent(3, NO_RANDOM)]);
    await rejectsWith(warehouse.load([log.part(), unknown.part()], NOW_MS), 'WAREHOUSE_UNKNOWN_TOPIC');
    assert.equal(version(), before + 1);
    cancel();
    await warehouse.load([log.part()], NOW_MS);
    assert.equal(version(), before + 2);
    assert.equal(seen.filter(({ tables }) => tables.includes('raw.raw_events')).length, 1);
  },
};
