/**
 * The whole pipeline under load: acknowledgement, event → stream result on the page's connection, event →
 * mart → connection, and the queries of a dashboard at the same time. The server is one process, the load
 * another.
 */
import { fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { LiveView } from '@millrace/core/live/reader';
import { PageSession, ServerProcess } from '@millrace/testkit/load';
import type { BenchFigures } from './bench.ts';
import type { SentBatch } from './pipeline/generator.ts';
import { Arrivals, quantile } from './pipeline/arrivals.ts';
import { TILES } from './pipeline/tiles.ts';

const STOREFRONT = join(import.meta.dirname, '../examples/storefront');
const HELP = `npm run bench -- pipeline [--rate N] [--seconds N] [--history N] [--json]

  --rate N      events a second (default 10000), NDJSON, 100 events a request
  --seconds N   default 60
  --history N   events that are there before (default 10000000; built once, kept in ~/.cache/millrace/bench)
`;
/** The first seconds are left out: code and caches warm up. */
const WARM_UP_MS = 3000;
/** What is not on the page so long after the last event counts as never seen. */
const UNSEEN_MS = 60_000;

export async function run(args: readonly string[]): Promise<BenchFigures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '60' },
      history: { type: 'string', default: '10000000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const rate = Number(values.rate);
  const seconds = Number(values.seconds);
  const data = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    await copyHistory(Number(values.history), data);
    const ours = await measure({ rate, seconds, data });
    return {
      params: { rate, seconds, history: Number(values.history), tiles: TILES.length },
      ours,
      peer: null,
      ratio: null,
    };
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function measure(options: {
  rate: number;
  seconds: number;
  data: string;
}): Promise<Record<string, number>> {
  await using server = await ServerProcess.start({
    project: STOREFRONT,
    data: options.data,
    args: ['--no-companions'],
  });
  const page = await PageSession.open(server.url);
  await page.untilLoaded();
  await untilMetricsAnswer(page);

  const stop = new AbortController();
  const { streams, marts, ended } = followTotals(page, stop.signal);
  await Promise.all([streams.first, marts.first]);

  const baseline = await countEvents(page);
  const queries = queryLoop(page, stop.signal);
  const memory = memoryLoop(server.pid, stop.signal);
  const batches = await generate({ url: server.url, ...options });
  await page.untilLoaded();
  const accepted = batches.reduce((sum, batch) => sum + batch.accepted, 0);
  await Promise.race([Promise.all([streams.reached(accepted), marts.reached(accepted)]), delay(UNSEEN_MS)]);
  const figures = await page.get<Record<string, number>>('/v1/figures');
  stop.abort();
  await ended;

  const stored = (await countEvents(page)) - baseline;
  const startMs = (batches[0]?.scheduledAtMs ?? 0) + WARM_UP_MS;
  const measured = batches.filter((batch) => batch.scheduledAtMs >= startMs);
  const acks = measured.map((batch) => batch.ackedAtMs - batch.scheduledAtMs);
  const toStream = measured.map((batch) => streams.latencyMs(batch));
  const toMart = measured.map((batch) => marts.latencyMs(batch));
  return {
    eventsPerSecond: accepted / options.seconds,
    ackMsP50: quantile(acks, 0.5),
    ackMsP99: quantile(acks, 0.99),
    eventToSseMsP50: quantile(toStream, 0.5),
    eventToSseMsP99: quantile(toStream, 0.99),
    eventToMartMsP50: quantile(toMart, 0.5),
    eventToMartMsP99: quantile(toMart, 0.99),
    queryMsP99: quantile(await queries, 0.99),
    eventLoopDelayMsP99: figures['event_loop_delay_ms_p99'] ?? Number.NaN,
    refreshMsP99: figures['refresh_ms_p99'] ?? Number.NaN,
    checkpointMsMax: figures['checkpoint_ms_max'] ?? Number.NaN,
    rssBytesMax: await memory,
    unseen: [...toStream, ...toMart].filter((latencyMs) => latencyMs === Infinity).length,
    refused: batches.filter((batch) => batch.status !== 202).length,
    lost: Math.max(0, accepted - stored),
    duplicated: Math.max(0, stored - accepted),
  };
}

/** Follows two totals on a page's connection: a stream's windows, and a mart. */
function followTotals(page: PageSession, signal: AbortSignal) {
  const streams = new Arrivals();
  const marts = new Arrivals();
  // Windows that slide out of the hour while we measure must not take events from the total.
  const sinceMs = Date.now() - 30 * 60_000;
  const ended = page.follow(
    {
      stream: {
        source: 'stream',
        store: 'activity-by-type',
        lastMs: 3_600_000,
        select: { type: 'key', window: 'windowStart', events: 'value' },
        limit: 5000,
      },
      mart: { source: 'metrics', measures: ['hours.total_events'] },
    },
    {
      signal,
      onView(id, view, arrivedAtMs) {
        const total = totalOf(view, sinceMs);
        if (total !== undefined) (id === 'stream' ? streams : marts).total(total, arrivedAtMs);
      },
    },
  );
  return { streams, marts, ended };
}

/**
 * Results of both followed queries hold a number in their last column: its sum is the number of events seen.
 * Rows of a window that began before `sinceMs` are left out.
 */
function totalOf(view: LiveView, sinceMs: number): number | undefined {
  if (view.status === 'failed') throw new Error(view.trouble?.message ?? 'a live query failed');
  if (view.status !== 'current' || view.result === undefined) return undefined;
  const window = view.result.columns.indexOf('window');
  let total = 0;
  for (const row of view.result.rows) {
    if (window < 0 || Number(row[window]) >= sinceMs) total += Number(row.at(-1) ?? 0);
  }
  return total;
}

async function countEvents(page: PageSession): Promise<number> {
  const rows = await loadMetric(page, { measures: ['hours.total_events'] });
  return Number(rows[0]?.['hours.total_events'] ?? 0);
}

async function loadMetric(page: PageSession, query: unknown): Promise<Record<string, unknown>[]> {
  for (;;) {
    const answer = await page.get<{ error?: string; data?: Record<string, unknown>[] }>(
      `/cubejs-api/v1/load?query=${encodeURIComponent(JSON.stringify(query))}`,
    );
    if (answer.data !== undefined) return answer.data;
    if (answer.error !== 'Continue wait') throw new Error(`the metrics API says: ${answer.error}`);
  }
}

async function untilMetricsAnswer(page: PageSession): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await countEvents(page);
      return;
    } catch (error) {
      if (attempt === 120) throw error;
      await delay(500);
    }
  }
}

/** A dashboard's queries, all at once, every second; resolves with the time of each. */
async function queryLoop(page: PageSession, signal: AbortSignal): Promise<number[]> {
  const durations: number[] = [];
  while (!signal.aborted) {
    const roundMs = performance.now();
    await Promise.all(
      TILES.map(async (query) => {
        const startedMs = performance.now();
        await loadMetric(page, query);
        durations.push(performance.now() - startedMs);
      }),
    );
    await delay(Math.max(0, 1000 - (performance.now() - roundMs)));
  }
  return durations;
}

async function memoryLoop(pid: number, signal: AbortSignal): Promise<number> {
  let most = 0;
  while (!signal.aborted) {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    most = Math.max(most, pages * 4096);
    await delay(500);
  }
  return most;
}

function generate(options: { url: string; rate: number; seconds: number }): Promise<SentBatch[]> {
  const file = join(import.meta.dirname, 'pipeline', 'generator.ts');
  const args = [options.url, String(options.rate), String(options.seconds), `b${Date.now().toString(36)}`];
  const child = fork(file, args);
  const batches: SentBatch[] = [];
  child.on('message', (batch) => batches.push(batch as SentBatch));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      if (code !== 0) reject(new Error(`the load generator ended with ${code}`));
      else resolve(batches.toSorted((a, b) => a.cumulative - b.cumulative));
    });
  });
}

/** A data folder with `events` events of the past week, sent through the HTTP door once and kept. */
async function copyHistory(events: number, data: string): Promise<void> {
  if (events === 0) return;
  const kept = join(homedir(), '.cache', 'millrace', 'bench', `storefront-${events}`);
  if (!existsSync(kept)) {
    console.error(`  Sending ${events.toLocaleString('en-US')} events of history, once …`);
    const building = `${kept}.${process.pid}`;
    const server = await ServerProcess.start({
      project: STOREFRONT,
      data: building,
      args: ['--no-companions'],
    });
    await sendHistory(server.url, events, building);
    await (await PageSession.open(server.url)).untilLoaded();
    await server.stop();
    await rename(building, kept);
  }
  await cp(kept, data, { recursive: true });
}

function sendHistory(url: string, events: number, state: string): Promise<void> {
  const script = join(STOREFRONT, 'simulator', 'main.ts');
  const child = fork(script, ['--url', url, '--history', String(events), '--no-live', '--state', state]);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`the shoppers ended with ${code}`)),
    );
  });
}
