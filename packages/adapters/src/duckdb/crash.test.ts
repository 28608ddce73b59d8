import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '@millrace/core/base';
import { NOW_MS, PartitionLog, SHOP_TABLE, shopEvent } from '@millrace/testkit/warehouse';
import { openDuckdbWarehouse } from './index.ts';

const KILLS = 3;
const BATCH_ROWS = 100;
const PARTITIONS = 3;

/** The same batches in every process: batch `index` of a partition follows from its place alone. */
function logUpTo(partition: number, batches: number): PartitionLog {
  const log = new PartitionLog('events', partition);
  for (let batch = 0; batch < batches; batch++) appendBatch(log);
  return log;
}

function appendBatch(log: PartitionLog): void {
  const from = log.nextOffset;
  const random = seededRandom(from);
  const ids = Array.from({ length: BATCH_ROWS }, (_, index) => (from + index) * PARTITIONS + log.partition);
  log.append(ids.map((id) => shopEvent(id, random)));
}

/** Runs in a process of its own: loads without end, several batches of several partitions at a time. */
async function loadForever(folder: string, seed: number): Promise<never> {
  const random = seededRandom(seed);
  const warehouse = await openDuckdbWarehouse({ folder, walBytesMax: 400_000 });
  await warehouse.defineTables([SHOP_TABLE]);
  const loaded = await warehouse.loadedOffsets();
  const logs = Array.from({ length: PARTITIONS }, (_, partition) => {
    const offset = loaded.find((one) => one.partition === partition)?.nextOffset ?? 0;
    return logUpTo(partition, offset / BATCH_ROWS);
  });
  for (let step = 0; ; step++) {
    const parts = logs.map((log) => {
      const from = log.nextOffset;
      for (let batches = Math.floor(random.next() * 4); batches > 0; batches--) appendBatch(log);
      return log.part(from);
    });
    const receipt = await warehouse.load(parts, NOW_MS + step);
    console.log(receipt.loaded.map(({ partition, nextOffset }) => `${partition}=${nextOffset}`).join(' '));
  }
}

if (process.argv[2] === 'load') {
  await loadForever(process.argv[3]!, Number(process.argv[4]));
} else {
  test('kill -9 while loading: whole loads, every record once, nothing that was reported is lost', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
    const seed = Math.floor(Math.random() * 2 ** 31);
    try {
      for (let kill = 0; kill < KILLS; kill++) await killAndCheck(folder, seed + kill);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** A process that is no part of this test run. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}

async function killAndCheck(folder: string, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const child = spawn(process.execPath, [import.meta.filename, 'load', folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnvironment(),
  });
  let output = '';
  let lines = 0;
  const linesWanted = 1 + Math.floor(random.next() * 40);
  const enough = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the loading process ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      lines += chunk.toString().split('\n').length - 1;
      if (lines >= linesWanted) resolve();
    });
  });
  await enough;
  // Somewhere within a load or a checkpoint.
  for (const untilMs = performance.now() + random.next() * 20; performance.now() < untilMs;) continue;
  child.removeAllListeners('exit');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await check(folder, reported(output));
}

/** The highest offset that was reported for each partition. */
function reported(output: string): Map<number, number> {
  const offsets = new Map<number, number>();
  const complete = output.slice(0, output.lastIndexOf('\n') + 1);
  for (const [, partition, offset] of complete.matchAll(/(\d+)=(\d+)/g))
    offsets.set(Number(partition), Number(offset));
  return offsets;
}

async function check(folder: string, reportedOffsets: ReadonlyMap<number, number>): Promise<void> {
  const warehouse = await openDuckdbWarehouse({ folder });
  try {
    const loaded = await warehouse.loadedOffsets();
    for (const { partition, nextOffset } of loaded) {
      assert.ok(
        nextOffset >= (reportedOffsets.get(partition) ?? 0),
        `partition ${partition} lost reported rows`,
      );
      assert.equal(nextOffset % BATCH_ROWS, 0);
    }
    const rows = await warehouse.query(
      `select log_partition, count(*), count(distinct event_id), min(log_offset), max(log_offset) + 1
       from raw.raw_events group by 1 order by 1`,
    );
    const expected = loaded.filter(({ nextOffset }) => nextOffset > 0);
    assert.deepEqual(
      rows.columns[0],
      expected.map(({ partition }) => partition),
    );
    for (const index of [1, 2, 4])
      assert.deepEqual(
        rows.columns[index],
        expected.map(({ nextOffset }) => nextOffset),
      );
    assert.deepEqual(new Set(rows.columns[3]), new Set(expected.map(() => 0)));
    const sequence = await warehouse.query(
      'select count(*), count(distinct ingest_seq), max(ingest_seq) from raw.raw_events',
    );
    const total = expected.reduce((sum, { nextOffset }) => sum + nextOffset, 0);
    assert.deepEqual(sequence.columns, [[total], [total], [total]]);
    assert.ok(sequence.asOfMs! >= NOW_MS);
  } finally {
    await warehouse.close();
  }
}
