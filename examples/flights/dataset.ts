import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = { name: 'vega-datasets', version: '3.2.1', file: 'data/flights-3m.parquet' };

/** The Parquet file with the flights: from the npm package, kept in a cache outside the tree. */
export async function flightsFile(print: (line: string) => void): Promise<string> {
  const cache = process.env['MILLRACE_DATASETS'] ?? join(homedir(), '.cache', 'millrace', 'datasets');
  const home = join(cache, `${PACKAGE.name}-${PACKAGE.version}`);
  const path = join(home, 'node_modules', PACKAGE.name, PACKAGE.file);
  if (existsSync(path)) return path;
  const wanted = `${PACKAGE.name}@${PACKAGE.version}`;
  print(`  Fetching ${wanted} (17 MB) into ${home} …`);
  await mkdir(home, { recursive: true });
  const args = ['install', '--prefix', home, '--no-audit', '--no-fund', '--ignore-scripts', wanted];
  const { status, stderr } = spawnSync('npm', args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0 || !existsSync(path)) throw new Error(`npm could not install ${wanted}: ${stderr}`);
  return path;
}
