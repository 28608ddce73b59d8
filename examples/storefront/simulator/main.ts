/**
 * Shoppers of the example shop: a process of its own that speaks to the public HTTP API. First a week of
 * history, then live traffic with its daily season, late and repeated events, and incidents planted so that
 * alerts have something to say.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '@millrace/core/base';
import { DEFAULT_PLAN, Incidents, type IncidentPlan } from './incidents.ts';
import { Sender } from './sender.ts';
import { Shop, type ShopEvent } from './shop.ts';

const HELP = `Shoppers for the storefront example.

  --url URL            where Millrace listens (default $MILLRACE_URL or http://127.0.0.1:4400)
  --state DIR          remembers how far the history was sent (default $MILLRACE_STATE or .millrace)
  --history N          events of history to send at first start (default 300000; 0 sends none)
  --no-live            ends after the history
  --rate N             mean events a second of live traffic (default 200)
  --incidents JSON     other times for the planted incidents, such as {"fraudAtS":5}
  --seed N             default 7
`;

const DAY_MS = 86_400_000;
const HISTORY_MS = 7 * DAY_MS;
const HISTORY_BATCH = 2000;
const TICK_MS = 100;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    url: { type: 'string', default: process.env['MILLRACE_URL'] ?? 'http://127.0.0.1:4400' },
    state: { type: 'string', default: process.env['MILLRACE_STATE'] ?? '.millrace' },
    history: { type: 'string', default: '300000' },
    live: { type: 'boolean', default: true },
    rate: { type: 'string', default: '200' },
    incidents: { type: 'string', default: '{}' },
    seed: { type: 'string', default: '7' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(signal, () => stop.abort());
const sender = new Sender({ url: values.url, key: process.env['MILLRACE_KEY'], signal: stop.signal });
const seed = Number(values.seed);

try {
  await sendHistory(Number(values.history));
  if (values.live) await sendLive(Number(values.rate));
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(`shoppers: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
process.disconnect?.();

/**
 * A week of history in the order of event time. Its ids depend on the seed alone, so going on after a stop is
 * exact.
 */
async function sendHistory(total: number): Promise<void> {
  const file = join(values.state, 'shoppers.json');
  const saved = (await readFile(file, 'utf8').then(JSON.parse, () => undefined)) as HistoryState | undefined;
  const state = saved ?? { endMs: Date.now(), sent: 0 };
  if (state.sent >= total) return;

  const startMs = state.endMs - HISTORY_MS;
  const perSecond = (total * 1000) / HISTORY_MS;
  const random = seededRandom(seed);
  const shop = new Shop({
    random,
    idPrefix: `h${seed}`,
    startMs,
    eventsPerSecond: (ms) => perSecond * season(ms),
  });
  for (let skipped = 0; skipped < state.sent; skipped++) shop.next();

  await mkdir(values.state, { recursive: true });
  await writeFile(file, JSON.stringify(state));
  while (state.sent < total) {
    const events: ShopEvent[] = [];
    const size = Math.min(HISTORY_BATCH, total - state.sent);
    while (events.length < size) events.push(shop.next());
    for (const event of events) {
      // The season makes the last events come early or late by minutes; none may lie in the future.
      if (Date.parse(event.event_timestamp) > state.endMs)
        event.event_timestamp = new Date(state.endMs).toISOString();
    }
    await sender.send(events, { isHistory: true });
    state.sent += size;
    await writeFile(file, JSON.stringify(state));
    process.send?.({ type: 'progress', label: 'history', done: state.sent, total });
  }
}

interface HistoryState {
  readonly endMs: number;
  sent: number;
}

async function sendLive(perSecond: number): Promise<void> {
  const incidents = new Incidents({
    ...DEFAULT_PLAN,
    ...(JSON.parse(values.incidents) as Partial<IncidentPlan>),
  });
  const startMs = Date.now();
  const random = seededRandom(seed + 1);
  const shop = new Shop({
    random,
    idPrefix: `l${startMs.toString(36)}`,
    startMs: startMs - 60_000,
    eventsPerSecond: (ms) => perSecond * season(ms),
  });
  // The shop fills up before it opens: the first minute has visits in all steps, and its events are not sent.
  shop.until(startMs);

  let late: ShopEvent[] = [];
  while (!stop.signal.aborted) {
    const nowMs = Date.now();
    const liveS = (nowMs - startMs) / 1000;
    const events = shop.until(nowMs);
    if (!incidents.isSilent(liveS)) {
      incidents.slow(events, liveS);
      const batch: ShopEvent[] = [...incidents.fraud(liveS, nowMs)];
      const held: ShopEvent[] = [];
      for (const event of events) {
        const draw = random.next();
        // 1 in 50 comes late, from a telephone that was offline; 1 in 100 is sent twice.
        if (draw < 0.02) held.push(event);
        else batch.push(event);
        if (draw > 0.99) batch.push(event);
      }
      if (late.length > 40) batch.push(...late.splice(0, 5));
      late = [...late, ...held];
      await sender.send(batch);
    }
    await delay(Math.max(1, TICK_MS - (Date.now() - nowMs)), undefined, { signal: stop.signal });
  }
}

/** The day's course: 1 on average, from 0.85 in the small hours to 1.15 in the evening (UTC). */
function season(timeMs: number): number {
  return 1 - 0.15 * Math.cos(((timeMs % DAY_MS) / DAY_MS - 0.125) * 2 * Math.PI);
}
