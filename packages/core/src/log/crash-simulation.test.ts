import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateLogCrashes } from '@millrace/testkit/log';
import { messageOf } from '../base/index.ts';

const SEEDS = 300;

test('[LE1] [LE8] crashes at any moment lose nothing that was acknowledged and leave nothing in part', async (t) => {
  const first = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seeds ${first} to ${first + SEEDS - 1}`);
  let crashes = 0;
  let acknowledged = 0;
  let compacted = 0;
  for (let seed = first; seed < first + SEEDS; seed++) {
    try {
      const report = await simulateLogCrashes(seed);
      crashes += report.crashes;
      acknowledged += report.acknowledged;
      compacted += report.compacted;
    } catch (error) {
      throw new Error(`seed ${seed}: ${messageOf(error)}`, { cause: error });
    }
  }
  assert.ok(crashes >= SEEDS * 2 && acknowledged > SEEDS * 20, `${crashes} crashes, ${acknowledged} commits`);
  assert.ok(compacted > SEEDS / 4, `${compacted} compacted segments`);
});

test('a seed runs the same way each time', async () => {
  for (const seed of [1, 2, 3]) {
    assert.deepEqual(await simulateLogCrashes(seed), await simulateLogCrashes(seed));
  }
});
