import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killPipeline } from './pipeline.ts';

test('after three kills under load every answered event is in the marts exactly once', async (t) => {
  const seed = Date.now() % 100_000;
  const lines: string[] = [];
  const result = await killPipeline({ times: 3, seed, log: (line) => lines.push(line) });
  t.diagnostic(`seed ${seed}`);
  assert.deepEqual(result, { passed: 3, failed: 0 }, lines.join('\n'));
});
