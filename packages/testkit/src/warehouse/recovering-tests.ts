import assert from 'node:assert/strict';
import { seededRandom } from '@millrace/core/base';
import { NOW_MS, NO_RANDOM, type WarehouseFixture, type WarehouseTests } from './fixture.ts';
import { PartitionLog, SHOP_TABLE, shopEvent } from './shop-events.ts';

/** What is there after the warehouse was opened again. */
export const recoveringTests: WarehouseTests = {
  async 'what was loaded is there after reopening, and loading goes on'(first, { fixture }) {
    const log = new PartitionLog('events', 0);
    log.append([shopEvent(1, NO_RANDOM), shopEvent(2, NO_RANDOM)]);
    await first.load([log.part()], NOW_MS);
    await first.close();
    const second = await fixture.open();
    try {
      assert.equal((await second.loadedOffsets())[0]?.nextOffset, 2);
      assert.equal((await second.query('select 1')).asOfMs, NOW_MS);
      await second.defineTables([SHOP_TABLE]);
      log.append([shopEvent(3, NO_RANDOM)]);
      const receipt = await second.load([log.part(1)], NOW_MS - 1);
      assert.deepEqual([receipt.rows, receipt.asOfMs], [1, NOW_MS]);
      const { columns } = await second.query('select max(ingest_seq), count(*) from raw.raw_events');
      assert.deepEqual(columns, [[3], [3]]);
    } finally {
      await second.close();
    }
  },

  async 'random loads, re-sent parts and reopenings: every record once'(first, { fixture, seed }) {
    await first.close();
    await randomLoads(fixture, seed);
  },
};

async function randomLoads(fixture: WarehouseFixture, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const upTo = (limit: number) => Math.floor(random.next() * limit);
  const logs = [0, 1, 2].map((partition) => new PartitionLog('events', partition));
  const expected: string[] = [];
  let rejected = 0;
  let nextId = 0;
  let warehouse = await fixture.open();
  try {
    await warehouse.defineTables([SHOP_TABLE]);
    for (let step = 0; step < 40; step++) {
      for (const log of logs) {
        for (let batch = upTo(3); batch > 0; batch--) {
          const values = Array.from({ length: 1 + upTo(400) }, () => {
            if (random.next() < 0.01) return `bad ${rejected++}`;
            const id = nextId++;
            expected.push(`e${id}`);
            return shopEvent(id, random);
          });
          log.append(values);
        }
      }
      if (random.next() < 0.15) {
        await warehouse.close();
        warehouse = await fixture.open();
        await warehouse.defineTables([SHOP_TABLE]);
      }
      const loaded = new Map(
        (await warehouse.loadedOffsets()).map((offset) => [offset.partition, offset.nextOffset]),
      );
      const parts = logs.map((log) => {
        // From before what is loaded, as after a lost receipt.
        const from = Math.max(0, (loaded.get(log.partition) ?? 0) - upTo(300));
        return log.part(from, from + upTo(1500));
      });
      await warehouse.load(parts, NOW_MS + step);
    }
    await warehouse.load(
      logs.map((log) => log.part()),
      NOW_MS + 1000,
    );
    const { columns } = await warehouse.query(
      'select event_id, ingest_seq, log_partition, log_offset from raw.raw_events order by ingest_seq',
      { rowsMax: 1_000_000 },
    );
    const ids = columns[0] as string[];
    assert.deepEqual(ids.toSorted(), expected.toSorted());
    assert.deepEqual(
      columns[1],
      ids.map((_, index) => index + 1),
    );
    const places = ids.map((_, index) => `${columns[2]![index]}/${columns[3]![index]}`);
    assert.equal(new Set(places).size, ids.length);
    const offsets = await warehouse.loadedOffsets();
    assert.deepEqual(
      offsets.map(({ nextOffset }) => nextOffset),
      logs.map(({ nextOffset }) => nextOffset),
    );
    assert.equal(
      offsets.reduce((sum, { rejectedRows }) => sum + rejectedRows, 0),
      rejected,
    );
  } finally {
    await warehouse.close();
  }
}
