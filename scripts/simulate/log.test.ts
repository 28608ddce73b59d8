import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateLog } from './log.ts';

test('three seeds of crashes pass and are counted', async () => {
  const lines: string[] = [];
  const result = await simulateLog({ seeds: 3, first: 11, log: (line) => void lines.push(line) });
  assert.deepEqual(result, { passed: 3, failed: 0 }, lines.join('\n'));
  assert.equal(lines[0], 'seeds 11 to 13');
  assert.match(
    lines.at(-1)!,
    /^3 seeds, [1-9]\d* crashes, [1-9]\d* acknowledged commits, \d+ compacted segments, 0 failed$/,
  );
});

test('a seed that fails is named and run again, and the others go on', async () => {
  const ran: number[] = [];
  const lines: string[] = [];
  const simulate = async (seed: number) => {
    ran.push(seed);
    if (seed === 5) throw new Error('commit 7 is lost');
    return { seed, steps: 1, crashes: 1, commits: 1, acknowledged: 1, compacted: 0 };
  };
  const result = await simulateLog({ seeds: 3, first: 4, log: (line) => void lines.push(line), simulate });
  assert.deepEqual(result, { passed: 2, failed: 1 });
  assert.deepEqual(ran, [4, 5, 5, 6]);
  assert.equal(lines[1], 'seed 5 failed: commit 7 is lost');
  assert.match(lines[2]!, /^ {2}run again: Error: commit 7 is lost/);
  assert.equal(lines[3], '  npm run simulate -- log --seeds 1 --seed 5');
});
