import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FileResult } from './file-run.ts';

/** A tool that reads the whole tree and has an opinion; each counts as one test of the unit group. */
interface Check {
  readonly name: string;
  readonly tool: string;
  readonly args: readonly string[];
}

const checks: readonly Check[] = [
  { name: 'types', tool: 'typescript/bin/tsc', args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'types of the web app', tool: 'typescript/bin/tsc', args: ['-p', 'packages/web', '--noEmit'] },
  { name: 'lint', tool: 'oxlint/bin/oxlint', args: [] },
  { name: 'format', tool: 'oxfmt/bin/oxfmt', args: ['--check'] },
  { name: 'dead code', tool: 'knip/bin/knip.js', args: ['--no-progress', '--no-config-hints'] },
];

const outputCharactersMax = 20_000;

/** Runs the checks whose name holds the filter text, giving each result as it comes. */
export function* runChecks(root: string, filter: string): Generator<FileResult> {
  for (const check of checks) if (check.name.includes(filter)) yield runCheck(root, check);
}

function runCheck(root: string, { name, tool, args }: Check): FileResult {
  const startedMs = performance.now();
  const script = join(root, 'node_modules', tool);
  const run = existsSync(script)
    ? spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 })
    : { status: 1, stdout: '', stderr: `${script} is not installed.` };
  const output = `${run.stdout}${run.stderr}`.trim();
  const isFine = run.status === 0;
  const command = [tool.split('/')[0], ...args].join(' ');
  const error = `${output.slice(0, outputCharactersMax)}\n${command}: exit code ${run.status}`;
  return {
    file: `check: ${name}`,
    passed: isFine ? 1 : 0,
    failed: isFine ? [] : [{ name, error }],
    skipped: [],
    durationMs: performance.now() - startedMs,
    output: '',
  };
}
