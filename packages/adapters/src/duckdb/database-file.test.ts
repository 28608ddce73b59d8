import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test as nodeTest, type TestContext } from 'node:test';
import { isMillraceError, seededRandom, type MillraceError } from '@millrace/core/base';
import { findExecutable } from '@millrace/testkit/engines';
import { NOW_MS, NO_RANDOM, PartitionLog, SHOP_TABLE, shopEvent } from '@millrace/testkit/warehouse';
import { openDuckdbWarehouse } from './index.ts';

/** This file again, as a process that is no part of the test run. */
const { NODE_TEST_CONTEXT: _, ...env } = process.env;
const CHILD = { stdio: ['ignore', 'pipe', 'inherit'], env } as const satisfies SpawnOptions;
const [, , role, childFolder] = process.argv;
const test: typeof nodeTest = role === undefined ? nodeTest : ((() => {}) as unknown as typeof nodeTest);

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-file-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The error of opening; its message must name `named`. */
async function refusal(folder: string, named: string): Promise<MillraceError> {
  const outcome = await openDuckdbWarehouse({ folder }).then(
    async (warehouse) => {
      await warehouse.close();
      return undefined;
    },
    (error: unknown) => error,
  );
  assert.ok(isMillraceError(outcome), 'opening must fail with an error of ours');
  assert.ok(outcome.message.includes(named), outcome.message);
  assert.ok(outcome.remedy.length > 20);
  return outcome;
}

/** Leaves a database with rows both in the file and, when asked, in the write-ahead log. */
async function fill(folder: string, options: { leaveWal?: string } = {}): Promise<void> {
  const warehouse = await openDuckdbWarehouse({ folder });
  await warehouse.defineTables([SHOP_TABLE]);
  const log = new PartitionLog('events', 0);
  for (let load = 0; load < 6; load++) {
    log.append(Array.from({ length: 200 }, (_, index) => shopEvent(load * 200 + index, NO_RANDOM)));
    await warehouse.load([log.part(load * 200)], NOW_MS + load);
    if (load === 2) await warehouse.checkpoint();
  }
  // Copied while it is open, as a crash would leave it.
  if (options.leaveWal !== undefined) {
    for (const name of ['millrace.duckdb', 'millrace.duckdb.wal']) {
      await copyFile(join(folder, name), join(options.leaveWal, name));
    }
  }
  await warehouse.close();
}

async function countRows(folder: string): Promise<unknown> {
  const warehouse = await openDuckdbWarehouse({ folder });
  try {
    const [offset] = await warehouse.loadedOffsets();
    const { columns } = await warehouse.query('select count(*) from raw.raw_events');
    assert.equal(columns[0]![0], offset?.rows);
    return columns[0]![0];
  } finally {
    await warehouse.close();
  }
}

test('another process has the file: refused, naming file and process; free again when that one is gone', async (t) => {
  const folder = await folderOf(t);
  const other = spawn(process.execPath, [import.meta.filename, 'hold', folder], CHILD);
  await once(other.stdout, 'data');
  const error = await refusal(folder, join(folder, 'millrace.duckdb'));
  assert.equal(error.code, 'WAREHOUSE_FILE_IN_USE');
  assert.ok(error.message.includes(String(other.pid)), error.message);
  other.kill('SIGKILL');
  await once(other, 'exit');
  const warehouse = await openDuckdbWarehouse({ folder });
  await warehouse.close();
});

test('this process has the file: refused, also by another way to the same folder', async (t) => {
  const folder = await folderOf(t);
  const warehouse = await openDuckdbWarehouse({ folder });
  assert.equal((await refusal(folder, 'millrace.duckdb')).code, 'WAREHOUSE_ALREADY_OPEN');
  assert.equal(
    (await refusal(`${folder}/../${folder.split('/').at(-1)}/`, 'millrace.duckdb')).code,
    'WAREHOUSE_ALREADY_OPEN',
  );
  await warehouse.close();
  await (await openDuckdbWarehouse({ folder })).close();
});

test('a damaged file is refused and left as it is', async (t) => {
  const folder = await folderOf(t);
  await fill(folder);
  const file = join(folder, 'millrace.duckdb');
  const good = await readFile(file);
  const headerGone = Buffer.from(good);
  headerGone.fill(7, 4096, 12_288);
  const damages = {
    'another file': Buffer.from('no database '.repeat(2000)),
    'header': headerGone,
    'cut': good.subarray(0, 5000),
  };
  for (const [what, bytes] of Object.entries(damages)) {
    await writeFile(file, bytes);
    const error = await refusal(folder, file);
    assert.deepEqual(
      [error.code, error.kind],
      ['WAREHOUSE_FILE_CORRUPT', 'config'],
      `${what}: ${error.message}`,
    );
    assert.ok((await readFile(file)).equals(bytes), what);
  }
  await writeFile(file, good);
  assert.equal(await countRows(folder), 1200);
});

test('a write-ahead log that ends early loses the loads at its end, whole; a damaged one is refused', async (t) => {
  const [folder, copy] = [await folderOf(t), await folderOf(t)];
  await fill(folder, { leaveWal: copy });
  const wal = join(copy, 'millrace.duckdb.wal');
  const good = await readFile(wal);
  const file = await readFile(join(copy, 'millrace.duckdb'));
  const random = seededRandom(good.length);
  const counts = new Set<unknown>();
  for (let cut = 0; cut < 5; cut++) {
    await writeFile(join(copy, 'millrace.duckdb'), file);
    await writeFile(wal, good);
    await truncate(wal, Math.floor(random.next() * good.length));
    const rows = await countRows(copy);
    assert.ok(Number(rows) % 200 === 0 && Number(rows) >= 600, `${String(rows)} rows`);
    counts.add(rows);
  }
  assert.ok(counts.size > 1);

  const flipped = Buffer.from(good);
  flipped[Math.floor(good.length / 2)]! ^= 0xff;
  await writeFile(join(copy, 'millrace.duckdb'), file);
  await writeFile(wal, flipped);
  const error = await refusal(copy, 'millrace.duckdb.wal');
  assert.equal(error.code, 'WAREHOUSE_FILE_CORRUPT');
});

test('a folder that cannot be made, and a manifest that cannot be read, are named', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'file');
  await writeFile(file, '');
  assert.equal((await refusal(join(file, 'below'), join(file, 'below'))).code, 'WAREHOUSE_FILE_UNREADABLE');
  const manifestPath = join(folder, 'nowhere.json');
  await assert.rejects(openDuckdbWarehouse({ folder, manifestPath }), (error: MillraceError) => {
    assert.equal(error.code, 'WAREHOUSE_MANIFEST_UNREADABLE');
    return error.message.includes(manifestPath);
  });
  await (await openDuckdbWarehouse({ folder })).close();
});

test('a full disk refuses loads by name, loses nothing, and loading goes on once there is room', async (t) => {
  if (findExecutable(['prlimit']) === undefined) return t.skip('needs prlimit, to limit the size of files');
  const folder = await folderOf(t);
  const child = spawn(process.execPath, [import.meta.filename, 'fill-up', folder], {
    ...CHILD,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () =>
    JSON.parse(String((await lines.next()).value)) as { loaded: number; errors: Failure[] };
  // Writes beyond a file size fail as on a full disk; Node ignores the signal that goes with it.
  limitFiles(child.pid!, '2097152');
  child.stdin.write('go\n');
  const full = await answer();
  assert.ok(full.loaded > 0);
  assert.equal(full.errors.length, FAILURES_WANTED);
  for (const { code, message } of full.errors) {
    assert.equal(code, 'WAREHOUSE_DISK_FULL', message);
    assert.ok(message.includes(join(folder, 'millrace.duckdb')), message);
  }
  limitFiles(child.pid!, 'unlimited');
  child.stdin.write('go\n');
  const { loaded, errors } = await answer();
  assert.deepEqual(errors, []);
  assert.equal(loaded, full.loaded + (FAILURES_WANTED + LOADS_MORE) * LOAD_ROWS);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await countRows(folder), loaded);
});

interface Failure {
  readonly code: string;
  readonly message: string;
}

const FAILURES_WANTED = 5;
const LOADS_MORE = 3;
const LOAD_ROWS = 500;

function limitFiles(pid: number, bytes: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}

/** In a process of its own. */
async function hold(folder: string): Promise<void> {
  await openDuckdbWarehouse({ folder });
  console.log('open');
}

/** In a process of its own: loads until enough failed, and once more when it is told to. */
async function fillUp(folder: string): Promise<void> {
  const commands = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  await commands.next();
  const warehouse = await openDuckdbWarehouse({ folder, walBytesMax: 500_000 });
  await warehouse.defineTables([SHOP_TABLE]);
  const log = new PartitionLog('events', 0);
  const random = seededRandom(1);
  let loaded = 0;
  const load = async (): Promise<Failure | undefined> => {
    const events = Array.from({ length: LOAD_ROWS }, (_, index) => shopEvent(index, random));
    log.append(events.map((event) => ({ ...event, user_id: String(random.next()) })));
    try {
      await warehouse.load([log.part(loaded)], NOW_MS);
      loaded = log.nextOffset;
      return undefined;
    } catch (error) {
      assert.ok(isMillraceError(error), String(error));
      return { code: error.code, message: error.message };
    }
  };
  const errors: Failure[] = [];
  for (let count = 0; errors.length < FAILURES_WANTED && count < 1000; count++) {
    const failure = await load();
    if (failure !== undefined) errors.push(failure);
  }
  console.log(JSON.stringify({ loaded, errors }));
  await commands.next();
  const later: (Failure | undefined)[] = [];
  for (let count = 0; count < LOADS_MORE; count++) later.push(await load());
  console.log(JSON.stringify({ loaded, errors: later.filter((failure) => failure !== undefined) }));
  await commands.next();
}

if (role === 'hold') await hold(childFolder!);
if (role === 'fill-up') await fillUp(childFolder!);
