import { fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DataFile } from '@millrace/adapters/duckdb';
import { PageSession } from '@millrace/testkit/load';
import { compareFigures } from './comparison.ts';

export interface FlightsRunOptions {
  /** The Parquet file. */
  readonly path: string;
  /** Only the first so many rows; undefined: all. */
  readonly rowsMax: number | undefined;
  /** A server that runs this example. */
  readonly url: string;
  /** Where the import keeps its position. */
  readonly stateFolder: string;
  readonly print: (line: string) => void;
}

export interface FlightsOutcome {
  readonly rows: number;
  /** From the first byte sent until every row was in the marts. */
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
}

const MAIN = fileURLToPath(import.meta.resolve('millrace/main'));

/** Sends the flights with the command that a user would type, waits for the marts, compares every figure. */
export async function runFlights(options: FlightsRunOptions): Promise<FlightsOutcome> {
  const { path, rowsMax, url, print } = options;
  await untilReady(url);
  const startedMs = performance.now();
  await runImport(options);
  await (await PageSession.open(url)).untilLoaded();
  const seconds = (performance.now() - startedMs) / 1000;
  await using file = await DataFile.open(path, rowsMax === undefined ? {} : { rowsMax });
  const rows = file.rowCount;
  const rate = Math.round(rows / seconds).toLocaleString('en-US');
  print(`  ${rows.toLocaleString('en-US')} flights in ${seconds.toFixed(1)} s: ${rate} events/s\n`);
  const { passed, failed } = await compareFigures({ file, url, print });
  print(`\n${passed} passed, ${failed} failed`);
  return { rows, seconds, passed, failed };
}

/** The metrics start beside the rest. */
async function untilReady(url: string): Promise<void> {
  while ((await fetch(new URL('/readyz', url))).status !== 200) await sleep(100);
}

function runImport({ path, rowsMax, url, stateFolder }: FlightsRunOptions): Promise<void> {
  const args = [
    'import',
    path,
    '--type',
    'flight',
    '--url',
    url,
    '--state',
    join(stateFolder, 'import.json'),
  ];
  if (rowsMax !== undefined) args.push('--rows', String(rowsMax));
  const child = fork(MAIN, args, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the import ended with ${code}`));
    });
  });
}
