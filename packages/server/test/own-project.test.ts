import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PageSession, ServerProcess } from '@millrace/testkit/load';

const main = fileURLToPath(import.meta.resolve('millrace/main'));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-own-'));
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** What a person types, in the folder. */
function millrace(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
    });
  });
}

async function untilLoaded(url: string, rows: number): Promise<void> {
  const page = await PageSession.open(url);
  while ((await page.get<Record<string, number>>('/v1/figures'))['loaded'] !== rows) await sleep(50);
}

async function load(url: string, query: unknown): Promise<Record<string, string>[]> {
  while ((await fetch(new URL('/readyz', url))).status !== 200) await sleep(50);
  const address = new URL('/cubejs-api/v1/load', url);
  address.searchParams.set('query', JSON.stringify(query));
  const response = await fetch(address);
  assert.equal(response.status, 200);
  return ((await response.json()) as { data: Record<string, string>[] }).data;
}

test('a CSV file becomes a project that imports it once and shows its figures', async () => {
  const rows = Array.from({ length: 2500 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1, i % 24, 0, i % 60)).toISOString();
    return [i, at, ['DE', 'FR', 'US'][i % 3], i % 2 === 0, i % 10 === 0 ? '' : (i / 100).toFixed(2)].join(
      ',',
    );
  });
  const csv = ['Order ID,Created At,Country,Paid,Amount', ...rows].join('\n');
  await writeFile(join(folder, 'orders.csv'), csv);
  const made = await millrace('init', 'shop', '--from', 'orders.csv');
  assert.equal(made.code, 0, made.output);
  assert.match(made.output, /event +orders, 4 fields, its time from Created At/);
  assert.match(made.output, /dimensions +paid, country/);
  assert.match(made.output, /measures +amount/);

  const project = join(folder, 'shop');
  const data = join(folder, 'shop-data');
  const expected = new Map<string, { count: number; total: number }>();
  for (let i = 0; i < 2500; i++) {
    const country = ['DE', 'FR', 'US'][i % 3] as string;
    const { count, total } = expected.get(country) ?? { count: 0, total: 0 };
    expected.set(country, { count: count + 1, total: total + (i % 10 === 0 ? 0 : i) });
  }
  const checkFigures = async (url: string) => {
    await untilLoaded(url, 2500);
    const measures = ['orders.total_events', 'orders.total_amount'];
    for (const row of await load(url, { measures, dimensions: ['orders.country'] })) {
      const wanted = expected.get(row['orders.country'] as string);
      assert.equal(Number(row['orders.total_events']), wanted?.count);
      // In hundredths, as whole numbers.
      assert.equal(Math.round(Number(row['orders.total_amount']) * 100), wanted?.total);
    }
  };
  {
    await using server = await ServerProcess.start({ project, data });
    await checkFigures(server.url);
  }
  // The position is remembered: the next start sends nothing, and nothing counts twice.
  await using server = await ServerProcess.start({ project, data });
  await checkFigures(server.url);
  const figures = await (await PageSession.open(server.url)).get<Record<string, number>>('/v1/figures');
  assert.equal(figures['duplicates'], 0);
  const again = await millrace('import', 'orders.csv', '--url', server.url);
  assert.match(again.output, /0 accepted, 2500 sent before, 0 rejected/);
});

test('rows that do not fit are kept as dead letters and taken again when the contract fits', async () => {
  assert.equal((await millrace('init', 'visits')).code, 0);
  const project = join(folder, 'visits');
  const data = join(folder, 'visits-data');
  const at = '2026-01-01T00:00:00Z';
  const good = { page: '/', country: 'DE', duration_ms: 5, at };
  const lines = [good, { ...good, duration_ms: null }, { ...good, duration_ms: null }];
  await writeFile(join(folder, 'visit.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const args = ['--type', 'visit', '--time', 'at'];
  {
    await using server = await ServerProcess.start({ project, data });
    const imported = await millrace('import', 'visit.ndjson', ...args, '--url', server.url);
    assert.equal(imported.code, 2, imported.output);
    assert.match(
      imported.output,
      /1 accepted, 0 sent before, 2 rejected[\s\S]*INGEST_BAD_FIELD: .*duration_ms/,
    );
    const list = await millrace('replay', '--list', '--url', server.url);
    assert.match(list.output, /2 dead letters\n +INGEST_BAD_FIELD: 2, such as: .*duration_ms/);
  }
  const contract = join(project, 'events/visit.ts');
  const text = await readFile(contract, 'utf8');
  const wider = text.replace('Type.Number()', 'Type.Union([Type.Number(), Type.Null()])');
  const raised = wider.replace('version: 1', 'version: 2');
  assert.ok(wider !== text && raised !== wider);
  await writeFile(contract, raised);
  await using server = await ServerProcess.start({ project, data });
  const other = await millrace('replay', '--code', 'INGEST_UNKNOWN_TYPE', '--url', server.url);
  assert.match(other.output, /0 replayed/);
  assert.equal(other.code, 0);
  const replayed = await millrace('replay', '--url', server.url);
  assert.match(replayed.output, /2 replayed: 2 accepted, 0 known already, 0 rejected again/);
  assert.match((await millrace('replay', '--url', server.url)).output, /0 replayed/);
  await untilLoaded(server.url, 3);
  const [row] = await load(server.url, { measures: ['visit.total_events', 'visit.average_duration_ms'] });
  assert.deepEqual([Number(row?.['visit.total_events']), Number(row?.['visit.average_duration_ms'])], [3, 5]);
});

test('one Ctrl-C that arrives twice stops cleanly', async () => {
  assert.equal((await millrace('init', 'twice')).code, 0);
  const args = [main, 'start', '--project', 'twice', '--port', '0', '--no-open'];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8');
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (text: string) => {
      output += text;
      if (output.includes('Open http')) resolve();
    });
  });
  child.kill('SIGINT');
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, output);
  assert.match(output, /Stopping … done in \d\.\d s, nothing lost\./);
});
