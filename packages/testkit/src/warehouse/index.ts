/** What every warehouse must do, as a suite; and events to do it with. */
export { PartitionLog, SHOP_TABLE, shopEvent, type PartitionBatch } from './shop-events.ts';
export { NOW_MS, NO_RANDOM, rejectsWith, type WarehouseFixture } from './fixture.ts';
export { warehouseSuite, type WarehouseSuiteOptions } from './suite.ts';
