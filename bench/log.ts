/**
 * The embedded log beside the bare disk, and beside a Kafka broker where one is installed: throughput of
 * large durable commits, acknowledgement at a fixed rate, reading.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checksum, nodeFileSystem } from '@millrace/adapters/disk';
import { type Clock, isMillraceError, silentLogger, silentMeter } from '@millrace/core/base';
import { type Append, type EventLog, openEmbeddedLog, RecordBatchBuilder } from '@millrace/core/log';
import type { BenchFigures } from './bench.ts';
import { kafkaPeer } from './log/kafka-peer.ts';

const EVENT_BYTES = 200;
const KEY_BYTES = 11;
const TOPIC = 'events';

interface Params {
  readonly eventsPerCommit: number;
  readonly events: number;
  readonly rounds: number;
  readonly partitions: number;
  readonly rate: number;
  readonly seconds: number;
  readonly folder: string;
}

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * `--events-per-commit 20000 --events 2000000 --rounds 3 --partitions 1 --rate 10000 --seconds 10 --folder
 * DIR`. Rounds of the log and of the bare disk take turns; the median of each counts.
 */
export async function run(args: readonly string[]): Promise<BenchFigures> {
  const params = paramsOf(args);
  const folder = await mkdtemp(join(params.folder, 'millrace-bench-'));
  try {
    await appendRound(join(folder, 'warm-up'), { ...params, events: params.events / 4 });
    const append: AppendFigures[] = [];
    const raw: number[] = [];
    for (let round = 0; round < params.rounds; round++) {
      append.push(await appendRound(join(folder, `log-${round}`), params));
      raw.push(await rawRound(join(folder, `raw-${round}`), params));
    }
    const small = await appendRound(join(folder, 'small'), {
      ...params,
      eventsPerCommit: 1_000,
      events: params.events / 4,
    });
    const acks = await ackRound(join(folder, 'acks'), params);
    const rawAcks = await rawAckRound(join(folder, 'raw-acks'), params);
    const events = median(append.map(({ eventsPerSecond }) => eventsPerSecond));
    const bytes = median(append.map(({ bytesPerSecond }) => bytesPerSecond));
    const rawBytes = median(raw);
    const cpuNanosPerEvent = median(append.map((round) => round.cpuNanosPerEvent));
    const kafka = await kafkaPeer({ ...params, eventBytes: EVENT_BYTES });
    return {
      params: { ...params },
      ours: {
        appendEventsPerSecond: events,
        appendBytesPerSecond: bytes,
        cpuNanosPerEvent,
        smallCommitsEventsPerSecond: small.eventsPerSecond,
        readEventsPerSecond: median(append.map(({ readEventsPerSecond }) => readEventsPerSecond)),
        reopenMs: median(append.map(({ reopenMs }) => reopenMs)),
        ackMsP50: quantile(acks, 0.5),
        ackMsP99: quantile(acks, 0.99),
        ackMsMax: quantile(acks, 1),
      },
      peer: {
        writeAndSyncBytesPerSecond: rawBytes,
        ackMsP50: quantile(rawAcks, 0.5),
        ackMsP99: quantile(rawAcks, 0.99),
        ackMsMax: quantile(rawAcks, 1),
        ...kafka,
      },
      ratio: {
        appendToRawDisk: bytes / rawBytes,
        ackP99ToRawDisk: quantile(acks, 0.99) / quantile(rawAcks, 0.99),
        ...(kafka === undefined ? {} : ratioToKafka({ events, cpuNanosPerEvent }, kafka)),
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ratioToKafka(
  ours: { readonly events: number; readonly cpuNanosPerEvent: number },
  kafka: Readonly<Record<string, number>>,
): Record<string, number> {
  return {
    appendToKafka: ours.events / kafka['kafkaEventsPerSecond']!,
    appendToUnsyncedKafka: ours.events / kafka['kafkaUnsyncedEventsPerSecond']!,
    cpuToKafka: ours.cpuNanosPerEvent / kafka['kafkaCpuNanosPerEvent']!,
    cpuToUnsyncedKafka: ours.cpuNanosPerEvent / kafka['kafkaUnsyncedCpuNanosPerEvent']!,
  };
}

function paramsOf(args: readonly string[]): Params {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'events-per-commit': { type: 'string', default: '20000' },
      'events': { type: 'string', default: '2000000' },
      'rounds': { type: 'string', default: '3' },
      'partitions': { type: 'string', default: '1' },
      'rate': { type: 'string', default: '10000' },
      'seconds': { type: 'string', default: '10' },
      'folder': { type: 'string', default: tmpdir() },
    },
  });
  return {
    eventsPerCommit: Number(values['events-per-commit']),
    events: Number(values.events),
    rounds: Number(values.rounds),
    partitions: Number(values.partitions),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    folder: values.folder,
  };
}

interface AppendFigures {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly cpuNanosPerEvent: number;
  readonly readEventsPerSecond: number;
  readonly reopenMs: number;
}

function openLog(folder: string): Promise<EventLog> {
  const meter = silentMeter;
  return openEmbeddedLog({ folder, files: nodeFileSystem, clock, checksum, meter, logger: silentLogger });
}

/**
 * Distinct values in one buffer, so that the processor's caches are not flattered by one value again and
 * again.
 */
function valuesOf(count: number): Buffer {
  const values = Buffer.allocUnsafe(count * EVENT_BYTES);
  for (let i = 0; i < values.length; i++) values[i] = 32 + ((i * 7 + (i >> 8)) % 90);
  return values;
}

function batchOf(values: Buffer, key: Buffer, count: number): RecordBatchBuilder {
  const bytesHint = count * (EVENT_BYTES + KEY_BYTES + 12);
  const batch = new RecordBatchBuilder({ createdAtMs: Date.now(), bytesHint });
  for (let i = 0; i < count; i++) batch.appendSlice(key, values, i * EVENT_BYTES, (i + 1) * EVENT_BYTES);
  return batch;
}

/** Four commits on their way at once: the next ones are encoded while the disk works. */
async function appendRound(folder: string, params: Params): Promise<AppendFigures> {
  const log = await openLog(folder);
  const { eventsPerCommit, partitions } = params;
  await log.createTopic(TOPIC, { partitions });
  const values = valuesOf(Math.ceil(eventsPerCommit / partitions));
  const key = Buffer.alloc(KEY_BYTES, 'k');
  const onTheirWay: Promise<unknown>[] = [];
  let bytes = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  for (let i = 0; i < params.events; i += eventsPerCommit) {
    const appends = () =>
      Array.from({ length: partitions }, (_, partition) => {
        const batch = batchOf(values, key, values.length / EVENT_BYTES);
        return { topic: TOPIC, partition, batch };
      });
    onTheirWay.push(
      commitWhenRoom(log, appends).then((committed) => {
        bytes += committed;
      }),
    );
    if (onTheirWay.length === 4) await onTheirWay.shift();
  }
  await Promise.all(onTheirWay);
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await log.close();
  const reopenStartMs = performance.now();
  const again = await openLog(folder);
  const reopenMs = performance.now() - reopenStartMs;
  const readEventsPerSecond = await readRound(again);
  await again.close();
  await rm(folder, { recursive: true });
  return {
    eventsPerSecond: params.events / seconds,
    bytesPerSecond: bytes / seconds,
    cpuNanosPerEvent: ((user + system) * 1000) / params.events,
    readEventsPerSecond,
    reopenMs,
  };
}

/** Waits as the log asks where too much waits already; returns the bytes. */
async function commitWhenRoom(log: EventLog, appends: () => Append[]): Promise<number> {
  for (;;) {
    const tried = appends();
    const bytes = tried.reduce((sum, { batch }) => sum + batch.byteLength, 0);
    try {
      await log.commit({ appends: tried });
      return bytes;
    } catch (error) {
      if (!isMillraceError(error) || error.code !== 'LOG_BACKPRESSURE') throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs));
    }
  }
}

/** From the segments (the log was just opened): CRC checked, every record's place decoded. */
async function readRound(log: EventLog): Promise<number> {
  const startMs = performance.now();
  const partitions = log.describe(TOPIC)?.partitions ?? 0;
  let events = 0;
  for (let partition = 0; partition < partitions; partition++) events += await readPartition(log, partition);
  return events / ((performance.now() - startMs) / 1000);
}

async function readPartition(log: EventLog, partition: number): Promise<number> {
  const { endOffset } = log.range(TOPIC, partition);
  let valueBytes = 0;
  for (let offset = 0; offset < endOffset;) {
    for (const batch of await log.read(TOPIC, partition, { offset, bytesMax: 4 << 20 })) {
      const cursor = batch.cursor();
      while (cursor.next()) valueBytes += cursor.valueEnd - cursor.valueStart;
      offset = batch.lastOffset + 1;
    }
  }
  if (valueBytes !== endOffset * EVENT_BYTES)
    throw new Error(`read ${valueBytes} bytes of ${endOffset} events`);
  return endOffset;
}

/** The bare disk: the same bytes in the same steps, each written and synced. */
async function rawRound(path: string, params: Params): Promise<number> {
  const step = valuesOf(Math.ceil((params.eventsPerCommit * (EVENT_BYTES + KEY_BYTES + 9)) / EVENT_BYTES));
  const file = await open(path, 'w');
  const steps = params.events / params.eventsPerCommit;
  const startMs = performance.now();
  for (let i = 0; i < steps; i++) {
    await file.write(step, 0, step.length, i * step.length);
    await file.datasync();
  }
  const seconds = (performance.now() - startMs) / 1000;
  await file.close();
  await rm(path);
  return (step.length * steps) / seconds;
}

/** Commits of 100 events at a fixed rate, each timed from when it was due. */
async function ackRound(folder: string, params: Params): Promise<number[]> {
  const log = await openLog(folder);
  await log.createTopic(TOPIC, { partitions: 1 });
  const values = valuesOf(100);
  const key = Buffer.alloc(KEY_BYTES, 'k');
  const acks = await atRate(params, async () => {
    const batch = batchOf(values, key, 100);
    await log.commit({ appends: [{ topic: TOPIC, partition: 0, batch }] });
  });
  await log.close();
  await rm(folder, { recursive: true });
  return acks;
}

async function rawAckRound(path: string, params: Params): Promise<number[]> {
  const step = valuesOf(110);
  const file = await open(path, 'w');
  let position = 0;
  let last: Promise<unknown> = Promise.resolve();
  const acks = await atRate(params, () => {
    const own = last.then(async () => {
      await file.write(step, 0, step.length, position);
      position += step.length;
      await file.datasync();
    });
    last = own;
    return own;
  });
  await file.close();
  await rm(path);
  return acks;
}

/**
 * Runs `commit` once for every 100 events of the rate; returns the milliseconds of each, without the first
 * second.
 */
async function atRate(params: Params, commit: () => Promise<unknown>): Promise<number[]> {
  const everyMs = 100_000 / params.rate;
  const count = Math.floor((params.seconds * 1000) / everyMs);
  const acks: number[] = [];
  const onTheirWay: Promise<void>[] = [];
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const dueMs = startMs + i * everyMs;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const begunMs = performance.now();
    const timed = async () => {
      await commit();
      if (dueMs - startMs > 1000) acks.push(performance.now() - begunMs);
    };
    onTheirWay.push(timed());
  }
  await Promise.all(onTheirWay);
  return acks;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
