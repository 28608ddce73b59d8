import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServerProcess } from '@millrace/testkit/load';
import { flightsFile } from './dataset.ts';
import { runFlights } from './flights-run.ts';

const ROWS = 30_000;

test(`the first ${ROWS} flights: every figure equals the file’s own`, async (t) => {
  const print = (line: string) => t.diagnostic(line);
  const path = await flightsFile(print).catch((error: Error) => error);
  if (path instanceof Error) return t.skip(`needs the package vega-datasets: ${path.message}`);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-flights-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await using server = await ServerProcess.start({ project: import.meta.dirname, data: folder });
  const options = { path, rowsMax: ROWS, url: server.url, stateFolder: folder, print };
  const first = await runFlights(options);
  assert.deepEqual([first.rows, first.failed, first.passed], [ROWS, 0, 5]);
  // Sent again from the beginning, nothing counts twice.
  await rm(join(folder, 'import.json'));
  const again = await runFlights(options);
  assert.deepEqual([again.failed, again.passed], [0, 5]);
});
