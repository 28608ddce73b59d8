import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { MemoryLog } from '@millrace/testkit/ingest';
import { seededRandom, silentLogger, silentMeter, type MillraceError } from '../base/index.ts';
import { decodeBatches, RecordBatchBuilder } from '../log/index.ts';
import { warehouseError } from './errors.ts';
import { LoaderPump, type LoaderPumpOptions, type PumpState } from './pump.ts';
import type { LoadedOffset, LoadPart, LoadReceipt, SqlResult, Warehouse } from './port.ts';

const START_MS = 1_700_000_000_000;

/** Keeps what it is given; loads take time and fail when a test says so. */
class RecordingWarehouse implements Warehouse {
  readonly records: string[] = [];
  readonly loads: { atMs: number; nowMs: number; records: number }[] = [];
  /** Errors of the next loads; with `isStored` the load takes hold and is reported as failed all the same. */
  readonly failures: { error: Error; isStored?: boolean }[] = [];
  loadMs = 0;
  readonly #clock: VirtualClock;
  readonly #offsets = new Map<string, LoadedOffset>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async load(parts: readonly LoadPart[], nowMs: number): Promise<LoadReceipt> {
    const atMs = this.#clock.monotonicMs();
    if (this.loadMs > 0) await new Promise<void>((resolve) => this.#clock.schedule(resolve, this.loadMs));
    const failure = this.failures.shift();
    if (failure !== undefined && failure.isStored !== true) throw failure.error;
    const before = this.records.length;
    const loaded = parts.map((part) => this.#take(part));
    if (failure !== undefined) throw failure.error;
    const rows = this.records.length - before;
    this.loads.push({ atMs, nowMs, records: rows });
    const timings = { decodeMs: 0, appendMs: 0, refreshMs: 0, commitMs: 0, modelsMs: {} };
    const nothing = { changedTables: [], createdAtMs: [], replayedRows: 0, rejectedRows: 0 };
    return { rows, loaded, asOfMs: nowMs, timings, ...nothing };
  }

  async loadedOffsets(): Promise<readonly LoadedOffset[]> {
    return [...this.#offsets.values()];
  }

  /** As if it had been loaded by an earlier process. */
  claim(partition: number, nextOffset: number): void {
    const counts = { rows: nextOffset, rejectedRows: 0, expiredRecords: 0 };
    this.#offsets.set(`events/${partition}`, { topic: 'events', partition, nextOffset, ...counts });
  }

  #take({ topic, partition, fromOffset, batches }: LoadPart): LoadedOffset {
    const key = `${topic}/${partition}`;
    const known = this.#offsets.get(key);
    const offset = { topic, partition, nextOffset: 0, rows: 0, rejectedRows: 0, expiredRecords: 0, ...known };
    for (const batch of batches.flatMap((bytes) => decodeBatches(bytes))) {
      for (const record of batch.records()) {
        if (record.offset < Math.max(fromOffset, offset.nextOffset)) continue;
        this.records.push(`${partition}:${record.offset}`);
        offset.rows++;
      }
    }
    const last = decodeBatches(batches.at(-1)!).at(-1)!;
    offset.nextOffset = last.lastOffset + 1;
    offset.expiredRecords = offset.nextOffset - offset.rows;
    this.#offsets.set(key, offset);
    return offset;
  }

  versions = (): ReadonlyMap<string, number> => new Map();
  onChange = () => () => {};
  defineTables = async (): Promise<void> => {};
  query = (): Promise<SqlResult> => Promise.reject(new Error('not asked here'));
  checkpoint = async () => ({ durationMs: 0 });
  close = async (): Promise<void> => {};
}

async function setUp(options: { partitions?: number } & Partial<LoaderPumpOptions> = {}) {
  const clock = new VirtualClock(START_MS);
  const log = new MemoryLog(clock);
  await log.createTopic('events', { partitions: options.partitions ?? 1 });
  const warehouse = new RecordingWarehouse(clock);
  const start = () =>
    LoaderPump.start({
      log,
      warehouse,
      topics: ['events', 'later'],
      clock,
      random: seededRandom(1),
      meter: silentMeter,
      logger: silentLogger,
      ...options,
    });
  return { clock, log, warehouse, start };
}

async function append(
  log: MemoryLog,
  records: number,
  place: { topic?: string; partition?: number } = {},
): Promise<void> {
  const { topic = 'events', partition = 0 } = place;
  const batch = new RecordBatchBuilder({ createdAtMs: START_MS });
  for (let record = 0; record < records; record++) batch.append(null, new Uint8Array(100));
  await log.commit({ appends: [{ topic, partition, batch }] });
}

const offsets = (count: number, partition = 0) =>
  Array.from({ length: count }, (_, index) => `${partition}:${index}`);

test('a load starts with the first record, and the next one not before the interval is over', async () => {
  const { clock, log, warehouse, start } = await setUp();
  const pump = await start();
  await clock.advance(1000);
  assert.deepEqual(warehouse.loads, []);
  await append(log, 2);
  await clock.advance(0);
  assert.equal(warehouse.loads.length, 1);
  await append(log, 1);
  await append(log, 1);
  await clock.advance(49);
  assert.equal(warehouse.loads.length, 1);
  await clock.advance(1);
  assert.deepEqual(
    warehouse.loads.map(({ atMs, records }) => [atMs, records]),
    [
      [1000, 2],
      [1050, 2],
    ],
  );
  assert.deepEqual(warehouse.records, offsets(4));
  await pump.close();
});

test('one load at a time, and after a long one a rest', async () => {
  const { clock, log, warehouse, start } = await setUp();
  warehouse.loadMs = 120;
  const pump = await start();
  for (let count = 0; count < 60; count++) {
    await append(log, 1);
    await clock.advance(10);
  }
  await clock.advance(1000);
  const starts = warehouse.loads.map(({ atMs }) => atMs);
  for (let index = 1; index < starts.length; index++) assert.equal(starts[index]! - starts[index - 1]!, 180);
  assert.deepEqual(warehouse.records, offsets(60));
  await pump.close();
});

test('a backlog is loaded in bounded steps without a pause, from all partitions at once', async () => {
  const { clock, log, warehouse, start } = await setUp({ partitions: 2, bytesMax: 2000 });
  for (let batch = 0; batch < 10; batch++)
    for (const partition of [0, 1]) await append(log, 5, { partition });
  const pump = await start();
  await clock.advance(0);
  assert.deepEqual(warehouse.records.toSorted(), [...offsets(50, 0), ...offsets(50, 1)].toSorted());
  assert.ok(warehouse.loads.length >= 5, `${warehouse.loads.length} loads`);
  assert.ok(warehouse.loads.every(({ records }) => records <= 20));
  await pump.close();
});

test('as_of is the time to which everything is loaded, not the time of the load', async () => {
  const { clock, log, warehouse, start } = await setUp({ partitions: 2, bytesMax: 1 });
  await append(log, 1, { partition: 0 });
  await clock.advance(10);
  await append(log, 1, { partition: 0 });
  await clock.advance(10);
  await append(log, 1, { partition: 1 });
  await clock.advance(980);
  const pump = await start();
  await clock.advance(100);
  assert.deepEqual(
    warehouse.loads.map(({ nowMs }) => nowMs - START_MS),
    [0, 1000],
  );
  await append(log, 1, { partition: 1 });
  await clock.advance(0);
  assert.equal(warehouse.loads.at(-1)!.nowMs, START_MS + 1100);
  await pump.close();
});

test('a failure that may pass is tried again, slower and slower, and nothing is lost or doubled', async () => {
  const { clock, log, warehouse, start } = await setUp();
  const error = warehouseError('WAREHOUSE_REFRESH_FAILED');
  for (let count = 0; count < 5; count++) warehouse.failures.push({ error });
  // The commit took hold although its receipt never came.
  warehouse.failures.push({ error, isStored: true });
  const pump = await start();
  const states: PumpState[] = [];
  pump.onStateChange((state) => states.push(state));
  await append(log, 3);
  await clock.advance(0);
  assert.deepEqual(pump.state, { status: 'retrying', error, attempts: 1 });
  await append(log, 2);
  await clock.advance(200);
  assert.ok(states.length >= 2 && states.length <= 4, `${states.length} attempts in 200 ms`);
  await clock.advance(30_000);
  assert.deepEqual(pump.state, { status: 'running' });
  assert.deepEqual(warehouse.records, offsets(5));
  const attempts = states.map((state) => (state.status === 'retrying' ? state.attempts : state.status));
  assert.deepEqual(attempts, [1, 2, 3, 4, 5, 6, 'running']);
  assert.equal(pump.identity().lagRecords, 0);
  await pump.close();
});

test('the wait that an error asks for is kept', async () => {
  const { clock, log, warehouse, start } = await setUp();
  warehouse.failures.push({ error: warehouseError('WAREHOUSE_DISK_FULL', { retryAfterMs: 5000 }) });
  const pump = await start();
  await append(log, 1);
  await clock.advance(4999);
  assert.equal(pump.state.status, 'retrying');
  await clock.advance(100);
  assert.equal(pump.state.status, 'running');
  await pump.close();
});

test('a failure that cannot pass stops loading and says so', async () => {
  const { clock, log, warehouse, start } = await setUp();
  const error = warehouseError('WAREHOUSE_SCHEMA_CONFLICT');
  warehouse.failures.push({ error });
  const pump = await start();
  await append(log, 1);
  await clock.advance(60_000);
  assert.deepEqual(pump.state, { status: 'failed', error });
  assert.deepEqual(warehouse.loads, []);
  await pump.close();
  assert.equal(pump.state.status, 'failed');
});

test('it goes on where the warehouse stands, and refuses a log that holds less', async () => {
  const { log, warehouse, clock, start } = await setUp();
  await append(log, 4);
  warehouse.claim(0, 3);
  const pump = await start();
  await clock.advance(0);
  assert.deepEqual(warehouse.records, ['0:3']);
  await pump.close();
  warehouse.claim(0, 5);
  await assert.rejects(start(), (error: MillraceError) => error.code === 'WAREHOUSE_AHEAD_OF_LOG');
});

test('what retention deleted before it was loaded is passed over and counted', async () => {
  const { log, warehouse, clock, start } = await setUp();
  await append(log, 4);
  await append(log, 4);
  await log.deleteRecordsBefore('events', 0, 6);
  const pump = await start();
  await clock.advance(0);
  assert.deepEqual(warehouse.records, ['0:6', '0:7']);
  const { rows, expiredRecords, storedRecords, lagRecords } = pump.identity();
  assert.deepEqual(
    { rows, expiredRecords, storedRecords, lagRecords },
    { rows: 2, expiredRecords: 6, storedRecords: 8, lagRecords: 0 },
  );
  await pump.close();
});

test('partitions and topics that come later are loaded too', async () => {
  const { log, warehouse, clock, start } = await setUp();
  const pump = await start();
  await log.addPartitions('events', 3);
  await append(log, 1, { partition: 2 });
  await log.createTopic('later', { partitions: 1 });
  await append(log, 2, { topic: 'later' });
  await clock.advance(100);
  assert.deepEqual(warehouse.records, ['2:0', '0:0', '0:1']);
  await pump.close();
});

test('stored = rows + rejected + expired + lag, before, between and after loads', async () => {
  const { log, warehouse, clock, start } = await setUp({ partitions: 3 });
  const random = seededRandom(7);
  const pump = await start();
  const check = () => {
    const { storedRecords, rows, rejectedRows, expiredRecords, lagRecords } = pump.identity();
    assert.equal(storedRecords, rows + rejectedRows + expiredRecords + lagRecords);
  };
  warehouse.loadMs = 7;
  for (let step = 0; step < 300; step++) {
    await append(log, 1 + Math.floor(random.next() * 5), {
      partition: Math.floor(random.next() * 3),
    });
    if (random.next() < 0.1 && warehouse.failures.length === 0)
      warehouse.failures.push({ error: warehouseError('WAREHOUSE_BUSY') });
    await clock.advance(Math.floor(random.next() * 20));
    check();
  }
  await clock.advance(60_000);
  check();
  assert.equal(pump.identity().lagRecords, 0);
  await pump.close();
});

test('when it is quiet, as_of moves on by itself', async () => {
  const { log, warehouse, clock, start } = await setUp({ quietMs: 5000 });
  const pump = await start();
  await append(log, 1);
  await clock.advance(11_000);
  assert.deepEqual(
    warehouse.loads.map(({ nowMs, records }) => [nowMs - START_MS, records]),
    [
      [0, 1],
      [5050, 0],
      [10_100, 0],
    ],
  );
  await pump.close();
});

test('close loads what the log holds, within its time, and no more', async () => {
  const { log, warehouse, clock, start } = await setUp({ bytesMax: 1, drainMs: 1000 });
  warehouse.loadMs = 300;
  const pump = await start();
  for (let count = 0; count < 10; count++) await append(log, 1);
  await clock.advance(10);
  let isClosed = false;
  const closed = pump.close().then(() => (isClosed = true));
  await clock.advance(1000);
  assert.equal(isClosed, false);
  await clock.advance(1000);
  await closed;
  assert.deepEqual(warehouse.records, offsets(4));
  assert.equal(pump.state.status, 'closed');
  assert.equal(clock.pending, 0);
});

test('close does not wait for a warehouse that keeps failing', async () => {
  const { log, warehouse, clock, start } = await setUp();
  for (let count = 0; count < 100; count++)
    warehouse.failures.push({ error: warehouseError('WAREHOUSE_DISK_FULL') });
  const pump = await start();
  await append(log, 1);
  await clock.advance(1000);
  await pump.close();
  assert.equal(pump.state.status, 'closed');
  assert.equal(clock.pending, 0);
});
