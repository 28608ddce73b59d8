/**
 * Three million real flights through the whole of Millrace, and every figure compared with DuckDB on the file itself.
 * The data set is the npm package vega-datasets, fetched into a cache outside the tree when it is first needed.
 */
import { fork, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DataFile } from '@millrace/adapters/duckdb';
import { PageSession, ServerProcess } from '@millrace/testkit/load';
import { compareFigures } from './comparison.ts';

const HELP = `npm run flights [-- --rows N --data DIR --keep]

Sends ${(3_000_000).toLocaleString('en-US')} flights through the HTTP API into a Millrace of its own, then compares
counts, sums and per-day, per-origin, per-hour and per-route tables with the same SQL on the Parquet file.

  --data DIR   keeps the data there (default: a temporary folder, removed at the end)
  --keep       leaves the server running afterwards, to look at the dashboard
`;
const DATASET = { name: 'vega-datasets', version: '3.2.1', file: 'data/flights-3m.parquet' };
const MAIN = join(import.meta.dirname, '../../packages/server/src/main.ts');

const { values } = parseArgs({
  options: { data: { type: 'string' }, keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const path = await datasetPath();
const folder = values.data ?? (await mkdtemp(join(tmpdir(), 'millrace-flights-')));
const server = await ServerProcess.start({ project: import.meta.dirname, data: folder });
try {
  const startedMs = performance.now();
  await runImport(server.url, folder);
  await (await PageSession.open(server.url)).untilLoaded();
  const seconds = (performance.now() - startedMs) / 1000;
  await using file = await DataFile.open(path);
  const rate = Math.round(file.rowCount / seconds).toLocaleString('en-US');
  console.log(`  ${file.rowCount.toLocaleString('en-US')} flights in ${seconds.toFixed(1)} s: ${rate} events/s\n`);
  const { passed, failed } = await compareFigures(file, server.url);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
  if (values.keep) {
    console.log(`\n  The dashboard: ${server.url}   Stop with Ctrl-C`);
    await new Promise((resolve) => process.once('SIGINT', resolve));
  }
} finally {
  await server.stop();
  if (values.data === undefined) await rm(folder, { recursive: true, force: true });
}

async function datasetPath(): Promise<string> {
  const cache = process.env['MILLRACE_DATASETS'] ?? join(homedir(), '.cache', 'millrace', 'datasets');
  const home = join(cache, `${DATASET.name}-${DATASET.version}`);
  const path = join(home, 'node_modules', DATASET.name, DATASET.file);
  if (existsSync(path)) return path;
  console.log(`  Fetching ${DATASET.name} ${DATASET.version} (17 MB) into ${home} …`);
  await mkdir(home, { recursive: true });
  const install = ['install', '--prefix', home, '--no-audit', '--no-fund', '--ignore-scripts'];
  const { status } = spawnSync('npm', [...install, `${DATASET.name}@${DATASET.version}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 || !existsSync(path)) throw new Error(`npm could not install ${DATASET.name}@${DATASET.version}`);
  return path;
}

/** The same command a user would type. */
function runImport(url: string, data: string): Promise<void> {
  const args = ['import', path, '--type', 'flight', '--url', url, '--state', join(data, 'import.json')];
  const child = fork(MAIN, args, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the import ended with ${code}`))));
  });
}
