import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Clock, silentLogger, silentMeter } from '@millrace/core/base';
import { type Compression, type EmbeddedLogLimits, type EventLog, openEmbeddedLog } from '@millrace/core/log';
import { kafkaToolsClassPath } from '@millrace/testkit/engines';
import { batchOf } from '@millrace/testkit/log';
import { checksum } from './checksum.ts';
import { codecs } from './codecs.ts';
import { nodeFileSystem } from './file-system.ts';

const APPEND_TO = 'MILLRACE_TEST_APPEND_TO';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

function open(folder: string, changes: Partial<EmbeddedLogLimits> = {}): Promise<EventLog> {
  const limits = { segmentBytes: 300_000, inPlaceBytesMin: 20_000, journalFileBytes: 400_000, ...changes };
  return openEmbeddedLog({
    folder,
    files: nodeFileSystem,
    clock,
    checksum,
    codecs,
    meter: silentMeter,
    logger: silentLogger,
    limits,
  });
}

/** Appends batches of many sizes to three partitions until `isEnough`. */
async function appendBatches(
  log: EventLog,
  isEnough: (acknowledged: number) => boolean,
  compressions: readonly Compression[] = ['none'],
): Promise<void> {
  let acknowledged = 0;
  for (let i = 0; !isEnough(acknowledged); i++) {
    const compression = compressions[i % compressions.length]!;
    if (i < compressions.length || compressions.length > 1)
      await log.createTopic('events', { partitions: 3, compression });
    const count = i % 10 === 0 ? 400 : (i % 7) + 1;
    const values = Array.from({ length: count }, (_, n) => `user-${n % 50}:${'v'.repeat((i * n) % 150)}`);
    const batch = batchOf(values);
    if (i % 3 === 0) batch.append(null, null, [{ key: 'replayed', value: Buffer.from('1') }]);
    await log.commit({ appends: [{ topic: 'events', partition: i % 3, batch }] });
    acknowledged += batch.count;
  }
}

interface Dump {
  readonly records: number;
  readonly batches: number;
  readonly endOffset: number;
  /** Batches by what Kafka says they are compressed with. */
  readonly codecs: Readonly<Record<string, number>>;
}

/** What Apache Kafka's DumpLogSegments says of a partition's segments; fails on any complaint of it. */
async function dump(classPath: string, folder: string): Promise<Dump> {
  const files = (await readdir(folder))
    .filter((name) => name.endsWith('.log'))
    .map((name) => join(folder, name));
  const command = ['-cp', classPath, 'org.apache.kafka.tools.DumpLogSegments', '--deep-iteration', '--files'];
  const { stdout } = await promisify(execFile)('java', [...command, files.join()], { maxBuffer: 1 << 28 });
  assert.doesNotMatch(stdout, /isvalid: false|invalid bytes|Non-consecutive|mismatch|exception|error/i);
  let expected = 0;
  let batches = 0;
  for (const [, base, last] of stdout.matchAll(/^baseOffset: (\d+) lastOffset: (\d+) .*isvalid: true$/gm)) {
    assert.equal(Number(base), expected);
    expected = Number(last) + 1;
    batches++;
  }
  const records = stdout.match(/^\| offset: \d+ LogAppendTime: \d+ /gm)?.length ?? 0;
  const codecs: Record<string, number> = {};
  for (const [, codec = ''] of stdout.matchAll(/compresscodec: (\w+)/g))
    codecs[codec] = (codecs[codec] ?? 0) + 1;
  return { records, batches, endOffset: expected, codecs };
}

async function checkPartitions(classPath: string, folder: string, log: EventLog): Promise<void> {
  for (let partition = 0; partition < 3; partition++) {
    const { endOffset } = log.range('events', partition);
    const dumped = await dump(classPath, join(folder, 'segments', `events-${partition}`));
    assert.ok(endOffset > 1_000 && dumped.batches > 10, `${endOffset} records, ${dumped.batches} batches`);
    assert.deepEqual([dumped.endOffset, dumped.records], [endOffset, endOffset]);
  }
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The program that is killed: appends for ever, and says so when there is something to recover. */
async function appendForever(folder: string): Promise<void> {
  const log = await open(folder);
  await appendBatches(log, (acknowledged) => {
    if (acknowledged >= 30_000) process.stdout.write('.');
    return false;
  });
}

function registerTests(): void {
  test('[LE8] Apache Kafka reads the segments of a closed log without a complaint', async (t) => {
    const tools = kafkaToolsClassPath();
    if ('absent' in tools) return t.skip(tools.absent);
    const folder = await folderOf(t);
    const log = await open(folder);
    await appendBatches(log, (acknowledged) => acknowledged >= 20_000);
    await log.close();
    await checkPartitions(tools.path, folder, log);
  });

  test('[LE10] Apache Kafka decompresses the batches of compressed topics', async (t) => {
    const tools = kafkaToolsClassPath();
    if ('absent' in tools) return t.skip(tools.absent);
    const folder = await folderOf(t);
    const log = await open(folder);
    await appendBatches(log, (acknowledged) => acknowledged >= 20_000, ['gzip', 'zstd', 'zstd', 'none']);
    await log.close();
    await checkPartitions(tools.path, folder, log);
    const { codecs: found } = await dump(tools.path, join(folder, 'segments', 'events-0'));
    t.diagnostic(JSON.stringify(found));
    for (const codec of ['none', 'gzip', 'zstd']) assert.ok((found[codec] ?? 0) > 10, JSON.stringify(found));
  });

  test('[LP5] Apache Kafka reads compacted segments', async (t) => {
    const tools = kafkaToolsClassPath();
    if ('absent' in tools) return t.skip(tools.absent);
    const folder = await folderOf(t);
    const log = await open(folder, {
      segmentBytes: 40_000,
      retentionIntervalMs: 20,
      checkpointIntervalMs: 20,
    });
    await log.createTopic('users', { partitions: 1, cleanup: 'compact', compression: 'zstd' });
    const values = (i: number) =>
      Array.from({ length: 50 }, (_, n) => `user-${(i * n) % 97}:${i} ${'v'.repeat(n)}`);
    for (let i = 0; i < 300; i++)
      await log.commit({ appends: [{ topic: 'users', partition: 0, batch: batchOf(values(i)) }] });
    const segments = join(folder, 'segments', 'users-0');
    const isCompacted = async () => (await readdir(segments)).some((name) => /\.\d+\.log$/.test(name));
    while (!(await isCompacted())) await delay(20);
    await log.close();
    const { endOffset, batches, records } = await dump(tools.path, segments);
    assert.equal(endOffset, log.range('users', 0).endOffset);
    assert.ok(records < endOffset && batches > 1, `${records} of ${endOffset} records in ${batches} batches`);
  });

  test('[LE8] Apache Kafka reads the segments of a log that was killed and opened again', async (t) => {
    const tools = kafkaToolsClassPath();
    if ('absent' in tools) return t.skip(tools.absent);
    const folder = await folderOf(t);
    const child = spawn(process.execPath, [import.meta.filename], {
      env: { ...process.env, [APPEND_TO]: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const log = await open(folder);
    try {
      await checkPartitions(tools.path, folder, log);
    } finally {
      await log.close();
    }
  });
}

// The killed program is this file too, started with a folder to append to.
const appendTo = process.env[APPEND_TO];
if (appendTo === undefined) registerTests();
else await appendForever(appendTo);
