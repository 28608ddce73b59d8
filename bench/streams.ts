/**
 * The streams runtime on the embedded log: a windowed count over 200-byte JSON, exactly-once; and the restore
 * of state.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { checksum, nodeFileSystem } from '@millrace/adapters/disk';
import { silentLogger, silentMeter, type Clock, type Meter } from '@millrace/core/base';
import { openEmbeddedLog, partitionFor, RecordBatchBuilder, type EventLog } from '@millrace/core/log';
import {
  createStreamsRuntime,
  defineTopology,
  TopologyTestDriver,
  type StreamsRuntime,
  type Topology,
} from '@millrace/core/streams';
import type { BenchFigures } from './bench.ts';

const HELP = `npm run bench -- streams [options] [--json]

  --events N        events to count, in thousands (default 1000)
  --commit-ms N     commit interval (default 100, as the Java side)
  --cache-bytes N   record cache of a task; 0 sends every update (default 10 MiB)
  --rate N          events a second while latency is measured, for 10 s; 0 leaves that out (default 10000)
  --restore-keys N  rows of state to restore, in thousands; 0 leaves that out (default 200)`;

const USERS = 10_000;
const PARTITIONS = 4;
const EVENTS_PER_EVENT_SECOND = 10_000;
const WINDOW_MS = 10_000;
const START_MS = 1_767_225_600_000;
const APPEND_RECORDS = 100;
const LATENCY_SECONDS = 10;

interface Params {
  readonly events: number;
  readonly commitMs: number;
  readonly cacheBytes: number;
  readonly rate: number;
  readonly restoreKeys: number;
}

export async function run(args: readonly string[]): Promise<BenchFigures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'events': { type: 'string', default: '1000' },
      'commit-ms': { type: 'string', default: '100' },
      'cache-bytes': { type: 'string', default: String(10 * 1024 * 1024) },
      'rate': { type: 'string', default: '10000' },
      'restore-keys': { type: 'string', default: '200' },
      'help': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const params: Params = {
    events: Number(values.events) * 1000,
    commitMs: Number(values['commit-ms']),
    cacheBytes: Number(values['cache-bytes']),
    rate: Number(values.rate),
    restoreKeys: Number(values['restore-keys']) * 1000,
  };
  const ours = {
    ...(await inFolder((folder) => measureCount(folder, params))),
    ...measureDriver(Math.min(params.events, 300_000)),
    ...(params.rate === 0 ? {} : await inFolder((folder) => measureLatency(folder, params))),
    ...(params.restoreKeys === 0
      ? {}
      : await inFolder((folder) => measureRestore(folder, params.restoreKeys))),
  };
  return { params: { ...params }, ours, peer: null, ratio: null };
}

async function inFolder<Figures>(measure: (folder: string) => Promise<Figures>): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-streams-'));
  try {
    return await measure(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Event {
  readonly user: string;
  readonly ts: number;
}

/** The same topology as `StreamsBench.countTopology` of the Java side. */
function counting(): Topology {
  return defineTopology('count', (builder) => {
    builder
      .stream<string, Event>('events', { timestampExtractor: ({ ts }) => ts })
      .mapValues(({ user }) => user)
      .groupByKey()
      .windowedBy({ sizeMs: WINDOW_MS, graceMs: 0 })
      .count({ store: 'counts' })
      .toStream()
      .map((count, { key, startMs }) => [`${key}@${startMs}`, count])
      .to('counts-out');
  });
}

function event(i: number, ts: number): string {
  const user = `u${String((Math.imul(i, 2654435761) >>> 8) % USERS).padStart(5, '0')}`;
  const amount = (i % 10_000) / 100;
  const text = `{"user":"${user}","id":${i},"page":"/p/${i % 977}","amount":${amount},"ts":${ts},"pad":"`;
  return `${text.padEnd(198, 'x')}"}`;
}

async function produce(log: EventLog, events: number): Promise<void> {
  await log.createTopic('events', { partitions: PARTITIONS });
  for (let first = 0; first < events; first += APPEND_RECORDS) {
    await appendEvents(log, first, Math.min(events, first + APPEND_RECORDS));
  }
}

async function appendEvents(log: EventLog, first: number, end: number): Promise<void> {
  const createdAtMs = Date.now();
  const batches = Array.from({ length: PARTITIONS }, () => new RecordBatchBuilder({ createdAtMs }));
  for (let i = first; i < end; i++) {
    const text = event(i, START_MS + Math.floor((i * 1000) / EVENTS_PER_EVENT_SECOND));
    const key = Buffer.from(text.slice(9, 15));
    batches[partitionFor(key, PARTITIONS)]!.append(key, Buffer.from(text));
  }
  await log.commit({
    appends: batches.flatMap((batch, partition) =>
      batch.count > 0 ? [{ topic: 'events', partition, batch }] : [],
    ),
  });
}

async function measureCount(folder: string, params: Params): Promise<Record<string, number>> {
  const log = await openLog(folder);
  await produce(log, params.events);
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  const runtime = await start({ log, folder }, counting(), params);
  await until(() => committed(log, 'count', 'events') === params.events);
  const wallMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  await runtime.close();
  let updates = 0;
  const partitions = log.describe('counts-out')!.partitions;
  for (let partition = 0; partition < partitions; partition++)
    updates += log.range('counts-out', partition).endOffset;
  await log.close();
  return {
    eventsPerSecond: (params.events / wallMs) * 1000,
    cpuMicrosPerEvent: (cpu.user + cpu.system) / params.events,
    updatesSent: updates,
  };
}

/**
 * From the append's call until the result is committed, at a steady rate; the producer is in this process.
 */
async function measureLatency(folder: string, params: Params): Promise<Record<string, number>> {
  const log = await openLog(folder);
  await log.createTopic('events', { partitions: PARTITIONS });
  const latencies: number[] = [];
  const meter: Meter = {
    ...silentMeter,
    histogram: (name) => ({
      observe(value, count = 1) {
        if (name === 'streams_result_latency_ms') for (let i = 0; i < count; i++) latencies.push(value);
      },
    }),
  };
  const runtime = await start({ log, folder }, counting(), { ...params, meter });
  const startMs = performance.now();
  let sent = 0;
  while (sent < params.rate * LATENCY_SECONDS) {
    const due = Math.min(params.rate * LATENCY_SECONDS, ((performance.now() - startMs) * params.rate) / 1000);
    for (; sent + APPEND_RECORDS <= due; sent += APPEND_RECORDS) {
      if (sent < params.rate * 2) latencies.length = 0;
      void appendEvents(log, sent, sent + APPEND_RECORDS);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until(() => committed(log, 'count', 'events') === sent);
  await runtime.close();
  await log.close();
  latencies.sort((one, other) => one - other);
  const quantile = (q: number) => latencies[Math.floor(latencies.length * q)]!;
  return { resultMsP50: quantile(0.5), resultMsP99: quantile(0.99), resultMsMax: latencies.at(-1)! };
}

/** As the Java side: event made, serialised and piped; output read now and then. */
function measureDriver(events: number): Record<string, number> {
  const driver = new TopologyTestDriver(counting());
  const input = driver.createInputTopic('events', {
    valueSerde: { serialize: (text: string) => Buffer.from(text), deserialize: String },
  });
  const output = driver.createOutputTopic('counts-out');
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  for (let i = 0; i < events; i++) {
    const text = event(i, START_MS + Math.floor((i * 1000) / EVENTS_PER_EVENT_SECOND));
    input.pipe(text.slice(9, 15), text);
    if ((i & 1023) === 0) output.readKeyValues();
  }
  const wallMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    driverEventsPerSecond: (events / wallMs) * 1000,
    driverCpuMicrosPerEvent: (cpu.user + cpu.system) / events,
  };
}

async function measureRestore(folder: string, keys: number): Promise<Record<string, number>> {
  const topology = defineTopology('restore', (builder) => {
    builder
      .stream<string, number>('keys')
      .groupByKey()
      .reduce((_, value) => value, { store: 'rows' });
  });
  const log = await openLog(folder);
  await log.createTopic('keys', { partitions: 1 });
  await produceKeys(log, keys);
  const rare = { commitMs: 100, cacheBytes: 0, checkpointRecordsMin: Infinity };
  const filling = await start({ log, folder }, topology, rare);
  await until(() => committed(log, 'restore', 'keys') === keys);
  await filling.close();

  const fromChangelog = await timed(async () => {
    const runtime = await start({ log, folder }, topology, { ...rare, checkpointRecordsMin: 1 });
    await runtime.restored;
    return runtime;
  });
  // A changelog longer than the rows makes a checkpoint due.
  const updates = Math.min(keys, 20_000);
  const writing = monitorEventLoopDelay({ resolution: 1 });
  writing.enable();
  await produceKeys(log, updates);
  await until(() => committed(log, 'restore', 'keys') === keys + updates);
  await until(async () =>
    (await nodeFileSystem.list(join(folder, 'streams/restore/rows'))).some(isCheckpoint),
  );
  writing.disable();
  await fromChangelog.result.close();

  const fromCheckpoint = await timed(async () => {
    const runtime = await start({ log, folder }, topology, rare);
    await runtime.restored;
    return runtime;
  });
  await fromCheckpoint.result.close();
  await log.close();
  return {
    restoreChangelogMs: fromChangelog.ms,
    restoreCheckpointMs: fromCheckpoint.ms,
    restoreLoopDelayMsMax: Math.max(fromChangelog.loopDelayMsMax, fromCheckpoint.loopDelayMsMax),
    checkpointLoopDelayMsMax: writing.max / 1e6,
    rssBytesMax: process.resourceUsage().maxRSS * 1024,
  };
}

async function produceKeys(log: EventLog, keys: number): Promise<void> {
  for (let first = 0; first < keys; first += 1000) {
    const batch = new RecordBatchBuilder({ createdAtMs: Date.now() });
    for (let i = first; i < first + 1000; i++) batch.append(Buffer.from(`user-${i}`), Buffer.from(String(i)));
    await log.commit({ appends: [{ topic: 'keys', partition: 0, batch }] });
  }
}

function isCheckpoint(name: string): boolean {
  return name.endsWith('.checkpoint');
}

async function timed<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly ms: number; readonly loopDelayMsMax: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startMs = performance.now();
  const result = await work();
  const ms = performance.now() - startMs;
  delay.disable();
  return { result, ms, loopDelayMsMax: delay.max / 1e6 };
}

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

function openLog(folder: string): Promise<EventLog> {
  return openEmbeddedLog({
    folder: join(folder, 'log'),
    files: nodeFileSystem,
    clock,
    checksum,
    meter: silentMeter,
    logger: silentLogger,
  });
}

interface RuntimeParams {
  readonly commitMs: number;
  readonly cacheBytes: number;
  readonly checkpointRecordsMin?: number;
  readonly meter?: Meter;
}

function start(
  { log, folder }: { readonly log: EventLog; readonly folder: string },
  topology: Topology,
  options: RuntimeParams,
): Promise<StreamsRuntime> {
  return createStreamsRuntime({
    log,
    topologies: [topology],
    clock,
    files: nodeFileSystem,
    stateFolder: join(folder, 'streams'),
    meter: options.meter ?? silentMeter,
    logger: { ...silentLogger, warn: console.warn, error: console.error },
    commitIntervalMs: options.commitMs,
    cacheBytesMax: options.cacheBytes,
    ...(options.checkpointRecordsMin === undefined
      ? {}
      : { checkpointRecordsMin: options.checkpointRecordsMin }),
  });
}

function committed(log: EventLog, group: string, topic: string): number {
  let sum = 0;
  const partitions = log.describe(topic)!.partitions;
  for (let partition = 0; partition < partitions; partition++)
    sum += log.committedOffset(group, topic, partition) ?? 0;
  return sum;
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 5));
}
