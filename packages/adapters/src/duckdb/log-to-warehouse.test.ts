import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { seededRandom, silentLogger, silentMeter, type Clock, type Random } from '@millrace/core/base';
import { openEmbeddedLog, RecordBatchBuilder, type EventLog } from '@millrace/core/log';
import { LoaderPump, TableVersions, type SqlResult } from '@millrace/core/warehouse';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { PartitionLog, SHOP_TABLE, shopEvent } from '@millrace/testkit/warehouse';
import { openDuckdbWarehouse, type DuckdbWarehouse } from './index.ts';

/** The machine's clock, of one program: when it dies, its timers die with it. */
class ProgramClock implements Clock {
  readonly #timers = new Set<NodeJS.Timeout>();

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
      clearTimeout(timer);
    };
  }

  die(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

interface Running {
  readonly clock: ProgramClock;
  readonly log: EventLog;
  readonly warehouse: DuckdbWarehouse;
  readonly pump: LoaderPump;
}

async function start(disk: SimulatedDisk, folder: string): Promise<Running> {
  const clock = new ProgramClock();
  const shared = { clock, meter: silentMeter, logger: silentLogger };
  const log = await openEmbeddedLog({ folder: '/data/log', files: disk.mount(), ...shared });
  await log.createTopic('events', { partitions: 2 });
  const warehouse = await openDuckdbWarehouse({ folder });
  await warehouse.defineTables([SHOP_TABLE]);
  const pump = await LoaderPump.start({
    log,
    warehouse,
    topics: ['events'],
    random: seededRandom(1),
    ...shared,
  });
  return { clock, log, warehouse, pump };
}

async function stop({ log, warehouse, pump }: Omit<Running, 'clock'>): Promise<void> {
  await pump.close();
  await warehouse.close();
  await log.close();
}

/** Appends batches of events; returns the ids that the log has acknowledged. */
async function produce(
  log: EventLog,
  random: Random,
  ids: { from: number; count: number },
): Promise<string[]> {
  const acknowledged: string[] = [];
  let id = ids.from;
  while (id < ids.from + ids.count) {
    const batch = new RecordBatchBuilder({ createdAtMs: Date.now() });
    const batchIds: string[] = [];
    for (let index = 0; index < 1 + random.next() * 50; index++, id++) {
      batch.append(null, new TextEncoder().encode(JSON.stringify(shopEvent(id, random))));
      batchIds.push(`e${id}`);
    }
    await log.commit({ appends: [{ topic: 'events', partition: Math.floor(random.next() * 2), batch }] });
    acknowledged.push(...batchIds);
  }
  return acknowledged;
}

test('what the log acknowledged is in the warehouse once, over restarts and a power failure', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-log-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const disk = new SimulatedDisk({ random });
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const running = await start(disk, folder);
    acknowledged.push(...(await produce(running.log, random, { from: round * 10_000, count: 1000 })));
    if (round === 1) {
      // The warehouse stays behind; the log loses its power in the middle of it all.
      await running.warehouse.close();
      await running.pump.close();
      disk.crash('power');
      running.clock.die();
    } else {
      await stop(running);
    }
  }
  const { log, warehouse, pump } = await start(disk, folder);
  while (pump.identity().lagRecords > 0) {
    await new Promise<void>((resolve) => {
      const cancel = pump.onLoaded(() => {
        cancel();
        resolve();
      });
    });
  }
  const { columns } = await warehouse.query('select event_id from raw.raw_events', { rowsMax: 100_000 });
  assert.deepEqual((columns[0] as string[]).toSorted(), acknowledged.toSorted());
  const { storedRecords, rows, rejectedRows, expiredRecords } = pump.identity();
  assert.deepEqual(
    [storedRecords, rows, rejectedRows, expiredRecords],
    [acknowledged.length, acknowledged.length, 0, 0],
  );
  await stop({ log, warehouse, pump });
});

test('another thread asks on a port of its own, and sees versions rise before the receipt', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-port-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const warehouse = await openDuckdbWarehouse({ folder });
  await warehouse.defineTables([SHOP_TABLE]);
  const log = new PartitionLog('events', 0);
  log.append([shopEvent(1, seededRandom(1))]);
  const receipt = await warehouse.load([log.part()], Date.now());
  const code = `
    import { workerData, parentPort } from 'node:worker_threads';
    const { QueryClient, TableVersions } = await import(workerData.module);
    const client = new QueryClient(workerData.port);
    const versions = TableVersions.from(workerData.versions);
    const result = await client.query('select count(*) from raw.raw_events where event_id = ?', { params: ['e1'] });
    const refused = await client.query('drop table raw.raw_events').catch((error) => error.code);
    parentPort.postMessage({ result, refused, version: versions.read('raw.raw_events') });
    client.close();`;
  const port = warehouse.connectPort();
  const module = import.meta.resolve('@millrace/core/warehouse');
  const workerData = { port, module, versions: warehouse.sharedVersions };
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData, transferList: [port] });
  const answer = await new Promise<{ result: SqlResult; refused: string; version: number }>(
    (resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    },
  );
  assert.deepEqual([answer.result.columns, answer.result.asOfMs], [[[1]], receipt.asOfMs]);
  assert.equal(answer.refused, 'WAREHOUSE_QUERY_WRITES');
  assert.equal(answer.version, TableVersions.from(warehouse.sharedVersions).read('raw.raw_events'));
  assert.equal(answer.version, 1);
  await warehouse.close();
});
