import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDuckdbWarehouse, type DuckdbWarehouse } from '@millrace/adapters/duckdb';
import { seededRandom, silentMeter, type Histogram, type Meter, type Random } from '@millrace/core/base';
import type { TableSchema } from '@millrace/core/contract';
import { crc32c, RecordBatchBuilder } from '@millrace/core/log';
import type { LoadReceipt } from '@millrace/core/warehouse';
import type { BenchFigures } from './bench.ts';

const HELP = `npm run bench -- warehouse [--rows N] [--seconds N] [--json]

What one load costs (500, 1,000, 5,000 rows of 20 columns, no models), and what queries cost on a table of
--rows rows (default 1,000,000): alone, two and eight at a time, and while 10,000 rows a second are loaded for
--seconds (default 15), every 100 ms.`;

const LOADS = 60;
const BATCH_ROWS = 100;

const TABLE: TableSchema = {
  topic: 'events',
  table: 'raw_events',
  idColumn: 'event_id',
  timeColumn: 'event_timestamp',
  columns: [
    ...['event_id', 'event_type', 'user_id', 'session_id', 'url', 'country', 'product_id', 'coupon'].map(
      (name) => ({
        name,
        type: 'varchar' as const,
        personal: false,
      }),
    ),
    { name: 'event_timestamp', type: 'timestamp', personal: false },
    { name: 'amount', type: 'decimal(12,2)', personal: false },
    { name: 'quantity', type: 'bigint', personal: false },
    { name: 'is_member', type: 'boolean', personal: false },
    { name: 'score', type: 'double', personal: false },
    { name: 'properties', type: 'json', personal: false },
    { name: 'referrer', type: 'varchar', personal: false },
    { name: 'campaign', type: 'varchar', personal: false },
  ],
};

/**
 * Costs of the kinds that dashboards ask: a whole-table aggregate, a range of time, the newest rows of a
 * user.
 */
const QUERIES = [
  'select event_type, count(*), sum(amount) from raw.raw_events group by 1 order by 1',
  `select date_trunc('minute', event_timestamp), count(*) from raw.raw_events
   where event_timestamp >= (select max(event_timestamp) from raw.raw_events) - interval 1 hour
   group by 1 order by 1`,
  `select * from raw.raw_events where user_id = 'u4242' order by event_timestamp desc limit 50`,
] as const;

export async function run(args: readonly string[]): Promise<BenchFigures> {
  const { values } = parseArgs({
    args: [...args],
    options: { rows: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    console.log(HELP);
    process.exit(0);
  }
  const params = { rows: Number(values.rows ?? 1_000_000), seconds: Number(values.seconds ?? 15) };
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const checkpoints: number[] = [];
  const warehouse = await openDuckdbWarehouse({
    folder,
    meter: watching('warehouse_checkpoint_duration_ms', checkpoints),
  });
  try {
    await warehouse.defineTables([TABLE]);
    const source = new Source(warehouse);
    const ours: Record<string, number> = {};
    for (const rows of [500, 1000, 5000]) Object.assign(ours, await measureLoads(source, rows));
    while (source.rows < params.rows) await source.load(Math.min(20_000, params.rows - source.rows));
    await warehouse.checkpoint();
    for (const concurrency of [1, 2, 8]) Object.assign(ours, await measureQueries(warehouse, concurrency));
    Object.assign(ours, await measureTogether(source, warehouse, params.seconds));
    ours['checkpointMsMax'] = Math.max(...checkpoints);
    ours['rssBytesMax'] = process.resourceUsage().maxRSS * 1024;
    return { params, ours, peer: null, ratio: null };
  } finally {
    await warehouse.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes events and loads them, in the order of their offsets. */
class Source {
  rows = 0;
  readonly #warehouse: DuckdbWarehouse;
  readonly #random: Random = seededRandom(1);

  constructor(warehouse: DuckdbWarehouse) {
    this.#warehouse = warehouse;
  }

  load(rows: number): Promise<LoadReceipt> {
    const fromOffset = this.rows;
    const batches: Uint8Array[] = [];
    while (this.rows < fromOffset + rows)
      batches.push(this.#batch(Math.min(BATCH_ROWS, fromOffset + rows - this.rows)));
    return this.#warehouse.load([{ topic: 'events', partition: 0, fromOffset, batches }], Date.now());
  }

  #batch(rows: number): Uint8Array {
    const builder = new RecordBatchBuilder({ createdAtMs: Date.now(), bytesHint: rows * 220 });
    const baseOffset = this.rows;
    for (let row = 0; row < rows; row++)
      builder.append(null, new TextEncoder().encode(this.#event(baseOffset + row)));
    this.rows += rows;
    return builder.seal({ baseOffset, appendedAtMs: Date.now(), checksum: crc32c });
  }

  #event(id: number): string {
    const random = this.#random;
    const number = (limit: number) => Math.floor(random.next() * limit);
    const order = {
      amount: number(10_000) / 100,
      quantity: number(5),
      product_id: `p${number(1000)}`,
      is_member: true,
    };
    return JSON.stringify({
      event_id: `e${String(id).padStart(20, '0')}`,
      event_type: ['page_view', 'click', 'purchase'][id % 3],
      event_timestamp: new Date(1_700_000_000_000 + id * 10).toISOString(),
      user_id: `u${number(5000)}`,
      session_id: `s${number(100_000)}`,
      url: `/products/${number(1000)}?ref=home`,
      country: 'DE',
      ...(id % 3 === 2 ? order : {}),
    });
  }
}

async function measureLoads(source: Source, rows: number): Promise<Record<string, number>> {
  const totals: number[] = [];
  const parts = { decodeMs: [] as number[], appendMs: [] as number[], commitMs: [] as number[] };
  for (let load = 0; load < LOADS; load++) {
    const startedMs = performance.now();
    const { timings } = await source.load(rows);
    totals.push(performance.now() - startedMs);
    for (const part of ['decodeMs', 'appendMs', 'commitMs'] as const) parts[part].push(timings[part]);
  }
  return {
    [`load${rows}RowsMsP50`]: quantile(totals, 0.5),
    [`load${rows}RowsMsP99`]: quantile(totals, 0.99),
    [`load${rows}RowsDecodeMsP50`]: quantile(parts.decodeMs, 0.5),
    [`load${rows}RowsAppendMsP50`]: quantile(parts.appendMs, 0.5),
    [`load${rows}RowsCommitMsP50`]: quantile(parts.commitMs, 0.5),
  };
}

async function measureQueries(
  warehouse: DuckdbWarehouse,
  concurrency: number,
): Promise<Record<string, number>> {
  const durations: number[] = [];
  const ask = async (worker: number) => {
    for (let query = 0; query < 15; query++) durations.push(await timeQuery(warehouse, worker + query));
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => ask(worker)));
  const seconds = (performance.now() - startedMs) / 1000;
  return {
    [`query${concurrency}AtATimeMsP50`]: quantile(durations, 0.5),
    [`query${concurrency}AtATimeMsP99`]: quantile(durations, 0.99),
    [`query${concurrency}AtATimeQueriesPerSecond`]: durations.length / seconds,
  };
}

async function timeQuery(warehouse: DuckdbWarehouse, index: number): Promise<number> {
  const startedMs = performance.now();
  await warehouse.query(QUERIES[index % QUERIES.length]!);
  return performance.now() - startedMs;
}

async function measureTogether(
  source: Source,
  warehouse: DuckdbWarehouse,
  seconds: number,
): Promise<Record<string, number>> {
  const endMs = performance.now() + seconds * 1000;
  const loads: number[] = [];
  const queries: number[] = [];
  const load = async () => {
    for (let dueMs = performance.now(); dueMs < endMs; dueMs += 100) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
      await source.load(1000);
      // From when the rows were there: a load that waits for the one before it waits for them too.
      loads.push(performance.now() - dueMs);
    }
  };
  const ask = async (worker: number) => {
    for (let query = worker; performance.now() < endMs; query++)
      queries.push(await timeQuery(warehouse, query));
  };
  await Promise.all([load(), ask(0), ask(1)]);
  return {
    loadWhileQueryingMsP50: quantile(loads, 0.5),
    loadWhileQueryingMsP99: quantile(loads, 0.99),
    queryWhileLoadingMsP50: quantile(queries, 0.5),
    queryWhileLoadingMsP99: quantile(queries, 0.99),
  };
}

/** A meter that keeps the observations of one histogram. */
function watching(wanted: string, observations: number[]): Meter {
  const histogram = (name: string): Histogram => ({
    observe: (value) => {
      if (name === wanted) observations.push(value);
    },
  });
  return { ...silentMeter, histogram };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
