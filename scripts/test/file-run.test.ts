import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runTestFile, summarize } from './file-run.ts';
import { closingLine, describeFile, describeSkipped, totalsOf } from './report.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-file-run-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function run(text: string, timeoutMs = 30_000) {
  const file = join(folder, 'subject.mjs');
  const header = `import { describe, test } from 'node:test'; import assert from 'node:assert/strict';`;
  writeFileSync(file, `${header}\n${text}`);
  return runTestFile(file, { root: folder, timeoutMs });
}

test('counts tests, not suites, and gives names, reasons and errors', async () => {
  const result = await run(`
    describe('suite', () => {
      test('fine', () => {});
      test('wrong', () => { console.log('seen'); assert.equal(1, 2); });
      test('absent', (t) => t.skip('needs dbt 1.11.16: run npm run engines'));
      test('parent', async (t) => { await t.test('child', () => { throw new Error('inner'); }); });
    });
    test('later', { todo: 'next week' }, () => {});
  `);
  assert.equal(result.passed, 1);
  assert.deepEqual(
    result.failed.map(({ name }) => name),
    ['suite › wrong', 'suite › parent › child'],
  );
  assert.match(result.failed[0]?.error ?? '', /1 !== 2/);
  assert.match(result.failed[1]?.error ?? '', /inner/);
  assert.deepEqual(result.skipped, [
    { name: 'suite › absent', reason: 'needs dbt 1.11.16: run npm run engines' },
    { name: 'later', reason: 'todo: next week' },
  ]);
  assert.match(describeFile(result), /^FAIL .* 1 passed, 2 failed, 2 skipped/);
  assert.match(describeFile(result), /printed:\n +seen/);
  assert.match(describeSkipped([result]), /needs dbt 1\.11\.16: run npm run engines\n .*suite › absent/);
  assert.equal(closingLine(totalsOf([result], false)), '1 passed, 2 failed, 2 skipped');
  assert.equal(closingLine(totalsOf([result], true)), '1 passed, 3 failed, 1 skipped');
});

const broken: readonly [string, string, RegExp][] = [
  ['does not parse', 'const = 1;', /before its tests did/],
  ['exits well before its tests ran', `test('a', () => {}); process.exit(0);`, /before its tests did/],
  ['has no test', 'console.log(1);', /has no test|before its tests did/],
  ['sets a bad exit code', `test('a', () => { process.exitCode = 5; });`, /ended with 5/],
  [
    'throws after its tests',
    `test('a', () => {}); process.on('exit', () => { process.exitCode = 9; });`,
    /with 9/,
  ],
];
for (const [what, text, expected] of broken) {
  test(`a file that ${what} has failed`, async () => {
    const result = await run(text);
    assert.equal(result.failed.length, 1);
    assert.match(result.failed[0]?.error ?? '', expected);
  });
}

test('a failing hook of a suite is a failure', async () => {
  const result = await run(`import { after } from 'node:test';
    describe('suite', () => { after(() => { throw new Error('in the hook'); }); test('a', () => {}); });`);
  assert.equal(result.passed, 1);
  assert.match(result.failed.map(({ error }) => error).join(), /in the hook/);
});

test('a file that never ends is ended, with what it started', async () => {
  const result = await run(
    `import { spawn } from 'node:child_process';
     spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
     test('a', () => {});`,
    2_000,
  );
  assert.equal(result.passed, 1);
  assert.match(result.failed[0]?.error ?? '', /time limit: the last test that finished was a,/);
});

test('passing tests do not excuse a process that crashed', () => {
  const run = { file: 'x', durationMs: 1, output: '', ending: 'SIGSEGV' };
  const result = summarize([{ kind: 'passed', name: 'a' }, { kind: 'ended' }], run);
  assert.deepEqual(result.failed, [{ name: '(the file)', error: 'Its process ended with SIGSEGV.' }]);
});
