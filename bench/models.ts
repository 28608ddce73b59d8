/**
 * What a load's refresh of the storefront's models costs, on a history of given length, beside computing the
 * same tables anew from their full SQL.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Clock } from '@millrace/core/base';
import { createModelRefresher, parseManifest, type LiveModels, type Manifest } from '@millrace/core/models';
import {
  createRawTables,
  openTestSession,
  storefrontTables,
  timestampText,
  type TestSession,
} from '@millrace/testkit/models';
import type { BenchFigures } from './bench.ts';

const HELP = `npm run bench -- models [options] [--json]

  --rows N          rows of history, in thousands, over a week (default 1000)
  --users N         shoppers (default 5000)
  --batches A,B,C   rows of a load (default 500,1000,2000)
  --rounds N        loads of each size that count (default 60; 10 more go before)
  --late P          percent of rows that come late (default 1)
  --late-minutes N  by up to so many minutes (default 60)
  --full            also the time of one full refresh (slow, and 10 million rows need gigabytes)
  --check           compare all tables with their full SQL at the end (slow)
  --statements      print the CPU time of each kind of statement`;

const manifestPath = join(import.meta.dirname, '../examples/storefront/models/compiled/manifest.json');
const WEEK_MS = 7 * 24 * 3_600_000;
/** Noon: half of the day's rows are there. */
const NOW_MS = Date.UTC(2026, 0, 8, 12);
const WARM_UP_ROUNDS = 10;
/** The product's default. */
const MEMORY_LIMIT = '256MB';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: () => () => undefined,
};

interface Params {
  readonly rows: number;
  readonly users: number;
  readonly batches: readonly number[];
  readonly rounds: number;
  readonly lateShare: number;
  readonly lateMs: number;
}

export async function run(args: readonly string[]): Promise<BenchFigures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'rows': { type: 'string', default: '1000' },
      'users': { type: 'string', default: '5000' },
      'batches': { type: 'string', default: '500,1000,2000' },
      'rounds': { type: 'string', default: '60' },
      'late': { type: 'string', default: '1' },
      'late-minutes': { type: 'string', default: '60' },
      'full': { type: 'boolean', default: false },
      'check': { type: 'boolean', default: false },
      'statements': { type: 'boolean', default: false },
      'help': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const params: Params = {
    rows: Number(values.rows) * 1000,
    users: Number(values.users),
    batches: values.batches.split(',').map(Number),
    rounds: Number(values.rounds),
    lateShare: Number(values.late) / 100,
    lateMs: Number(values['late-minutes']) * 60_000,
  };
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-models-'));
  try {
    const ours = await measure(join(folder, 'millrace.duckdb'), params, {
      isFull: values.full,
      isChecked: values.check,
      isByStatement: values.statements,
    });
    return { params: { ...params }, ours, peer: null, ratio: null };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Extras {
  readonly isFull: boolean;
  readonly isChecked: boolean;
  readonly isByStatement: boolean;
}

async function measure(file: string, params: Params, extras: Extras): Promise<Record<string, number>> {
  const manifest = parseManifest(await readFile(manifestPath, 'utf8'));
  await using session = await openTestSession({ file, memoryLimit: MEMORY_LIMIT });
  await session.run(createRawTables(storefrontTables, timestampText(NOW_MS)));
  const step = WEEK_MS / params.rows;
  const history = `timestamp '${timestampText(NOW_MS - WEEK_MS)}' + to_milliseconds(cast(i * ${step} as bigint))`;
  await session.run(
    `insert into raw.raw_events by name ${events(params, { from: 0, count: params.rows, at: history })}`,
  );
  const figures: Record<string, number> = {};
  const models = createModelRefresher({ manifest, clock });
  figures['buildSeconds'] = (await timed(() => models.prepare(session))).elapsedMs / 1000;
  await session.run('checkpoint');
  const again = createModelRefresher({ manifest, clock });
  figures['startMs'] = (await timed(() => again.prepare(session))).elapsedMs;
  const loads = new Loads(session, again, params);
  const statements = new StatementCosts(session);
  for (const batch of params.batches) Object.assign(figures, await loads.measure(batch, statements));
  if (extras.isByStatement) statements.print();
  if (extras.isFull || extras.isChecked) await session.run("set memory_limit = '6GB'");
  if (extras.isFull) figures['fullRefreshSeconds'] = await fullRefreshSeconds(session, manifest);
  if (extras.isChecked) figures['differentRows'] = await differentRows(session, manifest);
  return figures;
}

/** Rows of the storefront, from `i = from` on, as a query. */
function events(
  { rows, users }: Params,
  { from, count, at }: { from: number; count: number; at: string },
): string {
  const types = `['page_view', 'product_view', 'search', 'add_to_cart', 'checkout_started', 'purchase', 'payment_failed',
    'sign_up']`;
  return `select 'e-' || md5(cast(i as varchar)) as event_id, ${types}[1 + least(7, cast(8 * random() * random() as integer))] as event_type,
    ${at} as event_timestamp, 'u' || user_number as user_id, 's' || user_number || '-' || i * 168 // ${rows} as session_id,
    'p' || cast(random() * random() * 200 as integer) as product_id, 'c1' as category, round(random() * 100, 2) as price,
    1 as quantity, 'o' || i as order_id, round(random() * 100, 2) as amount, 'EUR' as currency, 'DE' as country,
    i as ingest_seq, timestamp '${timestampText(NOW_MS)}' as received_at, 0 as log_partition, i as log_offset
  from (select i, cast(random() * ${users} as integer) as user_number from range(${from}, ${from + count}) as r(i))`;
}

/** Loads of equal size, 200 ms of event time apart. */
class Loads {
  readonly #session: TestSession;
  readonly #models: LiveModels;
  readonly #params: Params;
  #next: number;
  #nowMs = NOW_MS;

  constructor(session: TestSession, models: LiveModels, params: Params) {
    this.#session = session;
    this.#models = models;
    this.#params = params;
    this.#next = params.rows;
  }

  async measure(batch: number, statements: StatementCosts): Promise<Record<string, number>> {
    const elapsed: number[] = [];
    const cpu: number[] = [];
    const commits: number[] = [];
    for (let round = -WARM_UP_ROUNDS; round < this.#params.rounds; round++) {
      await this.#loadRows(batch);
      statements.isCounting = round >= 0;
      const refresh = await timed(() =>
        this.#models.refresh(statements, [{ table: 'raw_events', newRows: 'temp.main.new_raw_events' }]),
      );
      const commit = await timed(() => this.#session.run('commit'));
      if (round < 0) continue;
      elapsed.push(refresh.elapsedMs);
      cpu.push(refresh.cpuMs);
      commits.push(commit.elapsedMs);
    }
    return {
      [`refreshMsP50At${batch}`]: quantile(elapsed, 0.5),
      [`refreshMsP99At${batch}`]: quantile(elapsed, 0.99),
      [`refreshCpuMsP50At${batch}`]: quantile(cpu, 0.5),
      [`refreshCpuMsMinAt${batch}`]: quantile(cpu, 0),
      [`commitMsP50At${batch}`]: quantile(commits, 0.5),
      [`commitMsP99At${batch}`]: quantile(commits, 0.99),
    };
  }

  /** What the loader does before it refreshes, inside a transaction that stays open. */
  async #loadRows(count: number): Promise<void> {
    const { lateShare, lateMs } = this.#params;
    this.#nowMs += 200;
    const at = `timestamp '${timestampText(this.#nowMs)}' - case
      when random() < ${lateShare} then to_milliseconds(cast(random() * ${lateMs} as bigint))
      when random() < 0.01 then -to_milliseconds(cast(random() * 300000 as bigint))
      else to_milliseconds(cast(random() * 2000 as bigint)) end`;
    await this.#session.run(`begin;
      create or replace temp table new_raw_events as from raw.raw_events limit 0;
      insert into temp.main.new_raw_events by name ${events(this.#params, { from: this.#next, count, at })};
      insert into raw.raw_events from temp.main.new_raw_events;
      update raw.as_of set as_of = timestamp '${timestampText(this.#nowMs)}'`);
    this.#next += count;
  }
}

/** Passes statements on one by one, and adds up their CPU time by how they begin. */
class StatementCosts {
  isCounting = false;
  readonly #session: TestSession;
  readonly #costs = new Map<string, { cpuMs: number; count: number }>();

  constructor(session: TestSession) {
    this.#session = session;
  }

  async run(sql: string): Promise<void> {
    for (const statement of sql.split(';\n'))
      await this.#count(statement, () => this.#session.run(statement));
  }

  rows(sql: string): ReturnType<TestSession['rows']> {
    return this.#count(sql, () => this.#session.rows(sql));
  }

  print(): void {
    for (const [statement, { cpuMs, count }] of this.#costs) {
      console.log(`${(cpuMs / count).toFixed(1).padStart(7)} ms CPU  ${statement}`);
    }
  }

  async #count<Result>(sql: string, work: () => Promise<Result>): Promise<Result> {
    const { result, cpuMs } = await timed(work);
    const key = sql
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/'[^']*'/g, '…')
      .slice(0, 80);
    const cost = this.#costs.get(key) ?? { cpuMs: 0, count: 0 };
    if (this.isCounting) this.#costs.set(key, { cpuMs: cost.cpuMs + cpuMs, count: cost.count + 1 });
    return result;
  }
}

async function timed<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; elapsedMs: number; cpuMs: number }> {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(startCpu);
  return { result, elapsedMs: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}

async function fullRefreshSeconds(session: TestSession, manifest: Manifest): Promise<number> {
  const { elapsedMs } = await timed(async () => {
    for (const { sql } of manifest.models) await session.run(`create or replace temp table anew as ${sql}`);
  });
  return elapsedMs / 1000;
}

async function differentRows(session: TestSession, manifest: Manifest): Promise<number> {
  let different = 0;
  for (const { sql, relation } of manifest.models) {
    const table = `${relation.schema}.${relation.name}`;
    const [row] = await session.rows(`select (select count(*) from ((${sql}) except all from ${table}))
      + (select count(*) from (from ${table} except all (${sql})))`);
    different += Number(row?.[0]);
  }
  return different;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
