/** Three million real flights through the whole of Millrace, every figure compared with the file itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ServerProcess } from '@millrace/testkit/load';
import { flightsFile } from './dataset.ts';
import { runFlights } from './flights-run.ts';

const HELP = `npm run flights [-- --rows N --data DIR --keep]

Sends 3,000,000 flights through the HTTP API into a Millrace of its own, then compares counts, sums and the
tables by day, origin, hour and route with the same SQL on the Parquet file. The data set is fetched when
it is first needed.

  --rows N     only the first N flights
  --data DIR   keeps the data there (default: a temporary folder, removed at the end)
  --keep       leaves the server running afterwards, to look at the dashboard
`;

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    data: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rowsMax = values.rows === undefined ? undefined : Number(values.rows);
const isWrong = rowsMax !== undefined && !(Number.isSafeInteger(rowsMax) && rowsMax > 0);
if (values.help || isWrong) {
  console.log(HELP);
  process.exit(isWrong ? 2 : 0);
}

const print = (line: string) => console.log(line);
const path = await flightsFile(print);
const folder = values.data ?? (await mkdtemp(join(tmpdir(), 'millrace-flights-')));
const server = await ServerProcess.start({ project: import.meta.dirname, data: folder });
try {
  const { failed } = await runFlights({ path, rowsMax, url: server.url, stateFolder: folder, print });
  process.exitCode = failed === 0 ? 0 : 1;
  if (values.keep) {
    print(`\n  The dashboard: ${server.url}   Stop with Ctrl-C`);
    await new Promise((resolve) => process.once('SIGINT', resolve));
  }
} finally {
  await server.stop();
  if (values.data === undefined) await rm(folder, { recursive: true, force: true });
}
