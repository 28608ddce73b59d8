import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { warehouseSuite } from '@millrace/testkit/warehouse';
import { openDuckdbWarehouse } from './index.ts';

warehouseSuite({
  name: 'DuckDB',
  async createFixture() {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-duckdb-'));
    return {
      open: () => openDuckdbWarehouse({ folder }),
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  },
  sql: {
    endless:
      'select count(*) from range(10000000) a, range(10000000) b where hash(a.range + b.range) % 7 = 1',
  },
});
