import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTrials, type TrialCommand, type TrialOptions } from './command.ts';

function commandOf(seen: TrialOptions[], failed = 0): TrialCommand {
  const run = async (options: TrialOptions) => {
    seen.push(options);
    return { passed: options.count - failed, failed };
  };
  const subjects = { log: { about: 'About it.', run } };
  return { name: 'simulate', count: { option: 'seeds', fallback: 7 }, subjects };
}

test('count and seed reach the subject; the closing line and the exit code say what became of it', async () => {
  const seen: TrialOptions[] = [];
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  assert.equal(await runTrials(commandOf(seen), ['log', '--seeds', '3', '--seed', '12'], log), 0);
  assert.equal(await runTrials(commandOf(seen, 2), ['log'], log), 1);
  assert.deepEqual(
    seen.map(({ count }) => count),
    [3, 7],
  );
  assert.equal(seen[0]!.seed, 12);
  assert.deepEqual(lines, ['3 passed, 0 failed', '5 passed, 2 failed']);
});

test('help is printed when asked for, and instead of running what is not understood', async () => {
  const seen: TrialOptions[] = [];
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  assert.equal(await runTrials(commandOf(seen), ['--help'], log), 0);
  for (const argv of [[], ['toString'], ['log', '--seeds', '0'], ['log', '--seed', 'x']])
    assert.equal(await runTrials(commandOf(seen), argv, log), 1);
  assert.deepEqual(seen, []);
  for (const line of lines)
    assert.match(line, /npm run simulate -- log --seeds N \[--seed S\]\n\nAbout it\./);
});
