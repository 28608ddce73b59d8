import { dirname } from 'node:path';
import { runChecks } from './test/checks.ts';
import { type FileResult, killRunning, runTestFile } from './test/file-run.ts';
import { type GroupName, groupNames, groups, parseArguments, testFilesOf } from './test/groups.ts';
import { closingLine, describeFile, describeSkipped, totalsOf } from './test/report.ts';
import { listFiles } from './tree/source-files.ts';

const root = dirname(import.meta.dirname);

const usage = `npm test [-- GROUP …] [--filter TEXT]
Groups: ${groupNames.join(', ')}; without one, all but slow.
The unit group begins with types, lint, format and dead code.
--filter runs the checks and files whose name holds the text.`;

async function runGroup(name: GroupName, filter: string): Promise<FileResult[]> {
  const startedMs = performance.now();
  const results: FileResult[] = [];
  const add = (result: FileResult): void => {
    results.push(result);
    console.log(describeFile(result));
  };
  console.log(`\n${name}`);
  if (name === 'unit') for (const result of runChecks(root, filter)) add(result);
  const { concurrency, fileTimeoutMs: timeoutMs } = groups[name];
  const waiting = testFilesOf(name, listFiles(root), filter);
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      add(await runTestFile(file, { root, timeoutMs }));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  console.log(`${name}: ${results.length} files in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return results;
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(usage);
    return;
  }
  const selection = parseArguments(args);
  if (typeof selection === 'string') {
    console.error(`${selection}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const results: FileResult[] = [];
  for (const name of selection.groups) results.push(...(await runGroup(name, selection.filter)));

  const isContinuousIntegration = process.env['CI'] === 'true';
  const totals = totalsOf(results, isContinuousIntegration);
  const failedFiles = results.filter((result) => result.failed.length > 0);
  console.log(`\n${describeSkipped(results)}`);
  for (const { file } of failedFiles) console.log(`FAIL  ${file}`);
  if (totals.failed > failedFiles.reduce((sum, { failed }) => sum + failed.length, 0)) {
    console.log('FAIL  tests were skipped for want of an engine that npm run engines installs');
  }
  const hasRun = totals.passed + totals.failed + totals.skipped > 0;
  if (!hasRun) console.log('FAIL  no test was found');
  console.log(closingLine(totals));
  process.exitCode = totals.failed > 0 || !hasRun ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    killRunning();
    process.exit(130);
  });
}
await main(process.argv.slice(2));
