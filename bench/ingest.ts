/** CPU of `accept`: parse, validate, deduplicate, encode and checksum, without disk and network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checksum, nodeFileSystem } from '@millrace/adapters/disk';
import { seededRandom, type Clock } from '@millrace/core/base';
import { ContractRegistry, defineEvent, Type } from '@millrace/core/contract';
import { createIngest, type Ingest } from '@millrace/core/ingest';
import type {
  CommitReceipt,
  EventLog,
  LogCommit,
  PartitionRange,
  RecordBatch,
  TopicConfig,
  TopicDescription,
} from '@millrace/core/log';
import type { BenchFigures } from './bench.ts';

const HELP = `npm run bench -- ingest [--events N] [--batch N] [--history-hours N] [--format F] [--json]

  --events N          events to measure, in thousands (default 400)
  --batch N           events a request (default 100)
  --history-hours N   sealed hours of 50,000 ids each that every id is compared with (default 0)
  --format F          ndjson or json (default ndjson)`;

const HOUR_MS = 3_600_000;
const START_MS = 1_767_225_600_000;
const ARRAY_START = 91;
const HISTORY_IDS_PER_HOUR = 50_000;

const purchase = defineEvent({
  name: 'purchase',
  version: 1,
  key: 'user_id',
  schema: Type.Object({
    user_id: Type.String({ minLength: 1, maxLength: 64 }),
    session_id: Type.String({ minLength: 1, maxLength: 64 }),
    product_id: Type.String({ minLength: 1, maxLength: 64 }),
    amount: Type.Number({ minimum: 0 }),
    quantity: Type.Integer({ minimum: 1, maximum: 1000 }),
    country: Type.String({ minLength: 2, maxLength: 2 }),
  }),
});

export async function run(args: readonly string[]): Promise<BenchFigures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'events': { type: 'string', default: '400' },
      'batch': { type: 'string', default: '100' },
      'history-hours': { type: 'string', default: '0' },
      'format': { type: 'string', default: 'ndjson' },
      'help': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const params = {
    events: Number(values.events) * 1000,
    batch: Number(values.batch),
    historyHours: Number(values['history-hours']),
    format: values.format,
  };
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-ingest-'));
  const log = new EncodingLog();
  const options = { log, registry: new ContractRegistry([purchase]), clock: timers, random: seededRandom(1) };
  const ingest = await createIngest({ ...options, files: nodeFileSystem, folder });
  try {
    await fill(ingest, params);
    return { params, ours: await measure(ingest, params), peer: null, ratio: null };
  } finally {
    await ingest.close();
    await rm(folder, { recursive: true });
  }
}

interface Params {
  readonly events: number;
  readonly batch: number;
  readonly historyHours: number;
  readonly format: string;
}

/** Ids of earlier hours, which end up in sealed segments. */
async function fill(ingest: Ingest, params: Params): Promise<void> {
  for (let hour = 0; hour < params.historyHours; hour++) {
    const bodies = bodiesOf({ ...params, events: HISTORY_IDS_PER_HOUR }, `h${hour}`);
    for (const body of bodies) await send(ingest, body, START_MS + hour * HOUR_MS);
  }
}

async function measure(ingest: Ingest, params: Params): Promise<Record<string, number>> {
  const nowMs = START_MS + params.historyHours * HOUR_MS;
  const warmUp = bodiesOf({ ...params, events: Math.min(50_000, params.events) }, 'warm');
  for (const body of warmUp) await send(ingest, body, nowMs);

  const bodies = bodiesOf(params, 'event');
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  for (const body of bodies) await send(ingest, body, nowMs);
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);

  const resentCpu = process.cpuUsage();
  for (const body of bodies) await send(ingest, body, nowMs);
  const resent = process.cpuUsage(resentCpu);
  return {
    cpuMicrosPerEvent: (user + system) / params.events,
    resentCpuMicrosPerEvent: (resent.user + resent.system) / params.events,
    eventsPerSecond: (params.events / elapsedMs) * 1000,
    eventBytesMean: bytes / params.events,
  };
}

async function send(ingest: Ingest, body: Buffer, receivedAtMs: number): Promise<void> {
  const contentType = body[0] === ARRAY_START ? 'application/json' : 'application/x-ndjson';
  const reply = await ingest.accept(body, { contentType, receivedAtMs });
  if (reply.rejected.length > 0) throw new Error(reply.rejected[0]!.message);
}

/** Every event is another one: repeating a few would flatter parser and caches. */
function bodiesOf(params: Params, prefix: string): Buffer[] {
  const random = seededRandom(7);
  return Array.from({ length: Math.ceil(params.events / params.batch) }, (_, request) => {
    const events = Array.from({ length: params.batch }, (__, i) =>
      JSON.stringify({
        event_id: `${prefix}-${(request * params.batch + i).toString(36).padStart(24, '0')}`,
        event_type: 'purchase',
        event_timestamp: new Date(START_MS - Math.floor(random.next() * HOUR_MS)).toISOString(),
        user_id: `user-${Math.floor(random.next() * 5000)}`,
        session_id: `s-${Math.floor(random.next() * 1e9)}`,
        product_id: `product-${Math.floor(random.next() * 1000)}`,
        amount: Math.floor(random.next() * 10_000) / 100,
        quantity: 1 + Math.floor(random.next() * 9),
        country: 'DE',
      }),
    );
    return Buffer.from(params.format === 'json' ? `[${events.join(',')}]` : `${events.join('\n')}\n`);
  });
}

const timers: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Encodes and checksums commits as the embedded log does, and keeps nothing. */
class EncodingLog implements EventLog {
  readonly #topics = new Map<string, TopicDescription>();
  #offset = 0;

  async createTopic(topic: string, config: TopicConfig): Promise<TopicDescription> {
    const retention = { retentionMs: Infinity, retentionBytes: Infinity, tombstoneRetentionMs: Infinity };
    const defaults = { ...retention, keyed: true, compression: 'none', cleanup: 'delete' } as const;
    const description = { ...defaults, ...config, topic };
    this.#topics.set(topic, description);
    return description;
  }

  describe(topic: string): TopicDescription | undefined {
    return this.#topics.get(topic);
  }

  topics(): readonly TopicDescription[] {
    return [...this.#topics.values()];
  }

  addPartitions(topic: string, partitions: number): Promise<TopicDescription> {
    return this.createTopic(topic, { partitions });
  }

  range(): PartitionRange {
    return { startOffset: 0, endOffset: 0 };
  }

  async read(): Promise<readonly RecordBatch[]> {
    return [];
  }

  async offsetAtTime(): Promise<number> {
    return 0;
  }

  committedOffset(): undefined {}

  onCommit(): () => void {
    return () => {};
  }

  async deleteRecordsBefore(): Promise<void> {}

  async close(): Promise<void> {}

  async commit({ appends }: LogCommit): Promise<CommitReceipt> {
    const appendedAtMs = START_MS;
    const baseOffsets = appends.map(({ batch }) => {
      const baseOffset = this.#offset;
      this.#offset += batch.count;
      batch.seal({ baseOffset, appendedAtMs, checksum });
      return baseOffset;
    });
    return { baseOffsets, appendedAtMs };
  }
}
