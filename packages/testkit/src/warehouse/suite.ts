import { describe, test } from 'node:test';
import { changingTests } from './changing-tests.ts';
import type { EngineSql, WarehouseFixture, WarehouseTestContext, WarehouseTests } from './fixture.ts';
import { loadingTests } from './loading-tests.ts';
import { queryingTests } from './querying-tests.ts';
import { recoveringTests } from './recovering-tests.ts';
import { rejectingTests } from './rejecting-tests.ts';
import { SHOP_TABLE } from './shop-events.ts';

export interface WarehouseSuiteOptions {
  /** Names the implementation. */
  readonly name: string;
  createFixture(): Promise<WarehouseFixture>;
  readonly sql: EngineSql;
  /** Of the random tests. Default: another one each time; it is in the test's title. */
  readonly seed?: number;
}

/** What every warehouse must do. Call it from a test file of the implementation. */
export function warehouseSuite(options: WarehouseSuiteOptions): void {
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const groups: readonly WarehouseTests[] = [
    loadingTests,
    rejectingTests,
    changingTests,
    queryingTests,
    recoveringTests,
  ];
  describe(`warehouse: ${options.name} (seed ${seed})`, () => {
    for (const tests of groups) {
      for (const [title, run] of Object.entries(tests)) test(title, () => runOne(run, options, seed));
    }
  });
}

async function runOne(
  run: WarehouseTests[string],
  options: WarehouseSuiteOptions,
  seed: number,
): Promise<void> {
  const fixture = await options.createFixture();
  const context: WarehouseTestContext = { fixture, sql: options.sql, seed };
  try {
    const warehouse = await fixture.open();
    try {
      await warehouse.defineTables([SHOP_TABLE]);
      await run(warehouse, context);
    } finally {
      await warehouse.close();
    }
  } finally {
    await fixture.dispose();
  }
}
