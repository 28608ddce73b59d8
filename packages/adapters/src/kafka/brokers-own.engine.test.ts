/** Rules of the log whose tests move its clock: on Kafka that is the brokers' clock, so time has to pass. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger, silentMeter } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import { kafkaClassPath } from '@millrace/testkit/engines';
import { KafkaCluster } from '@millrace/testkit/kafka';
import { append, batchOf, readAll, readValues, realClock } from '@millrace/testkit/log';
import { openKafkaLog } from './kafka-log.ts';

const engine = kafkaClassPath();
const skip = 'absent' in engine && engine.absent;

/** The smallest segments that brokers take, and retention at once. */
const PROPERTIES = {
  'log.segment.bytes': '1048576',
  'log.retention.check.interval.ms': '200',
  'log.initial.task.delay.ms': '200',
};

let cluster: KafkaCluster;
let log: EventLog;
before(async () => {
  if (skip !== false) return;
  cluster = await KafkaCluster.start(1, { properties: PROPERTIES });
  const shared = { clock: realClock, meter: silentMeter, logger: silentLogger };
  log = await openKafkaLog({ brokers: cluster.brokers, ...shared });
});
after(async () => {
  if (skip !== false) return;
  await log.close();
  await cluster.stop();
});

/** Fills about a half of a segment; returns the offset. */
function appendHalf(topic: string, name: string): Promise<number> {
  return append(log, [topic, 0], [`${name}:${'h'.repeat(540_000)}`]);
}

async function names(topic: string): Promise<string[]> {
  return (await readValues(log, [topic, 0])).map((value) => value.split(':')[0]!);
}

test('[LA3] append times are the brokers’, the same for a batch, and rise', { skip }, async () => {
  await log.createTopic('times', { partitions: 1 });
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const appends = [{ topic: 'times', partition: 0, batch: batchOf(['x', 'y'], 1_000 + i) }];
    times.push((await log.commit({ appends })).appendedAtMs);
    await sleep(15);
  }
  const nowMs = Date.now();
  assert.ok(
    times.every((timeMs, i) => timeMs <= nowMs && (i === 0 || timeMs > times[i - 1]!)),
    times.join(', '),
  );
  const records = await readAll(log, ['times', 0]);
  assert.deepEqual(
    records.map(({ timestampMs }) => timestampMs),
    times.flatMap((timeMs) => [timeMs, timeMs]),
  );
});

test('[LR4] offsetAtTime is the first offset at or after a time', { skip }, async () => {
  await log.createTopic('at-times', { partitions: 1 });
  assert.equal(await log.offsetAtTime('at-times', 0, 0), 0);
  const appended: { offset: number; timeMs: number }[] = [];
  for (let i = 0; i < 6; i++) {
    const appends = [{ topic: 'at-times', partition: 0, batch: batchOf(['a', 'b']) }];
    const { baseOffsets, appendedAtMs } = await log.commit({ appends });
    appended.push({ offset: baseOffsets[0]!, timeMs: appendedAtMs });
    await sleep(60);
  }
  for (const { offset, timeMs } of appended) {
    assert.equal(await log.offsetAtTime('at-times', 0, timeMs), offset);
    // A marker lies shortly behind its records, and may be what is found between two of them.
    const between = await log.offsetAtTime('at-times', 0, timeMs - 20);
    const values = await readValues(log, ['at-times', 0], { offset: between });
    const expected = await readValues(log, ['at-times', 0], { offset });
    assert.deepEqual(values, expected);
  }
  const { endOffset } = log.range('at-times', 0);
  assert.equal(await log.offsetAtTime('at-times', 0, Date.now() + 60_000), endOffset);
  await log.deleteRecordsBefore('at-times', 0, 4);
  assert.equal(await log.offsetAtTime('at-times', 0, 0), 4);
});

test('[LD2] records that are too old are deleted, younger ones are not', { skip }, async () => {
  await log.createTopic('ages', { partitions: 1, retentionMs: 3_000 });
  for (const name of ['old-1', 'old-2', 'old-3', 'old-4']) await appendHalf('ages', name);
  assert.equal(log.range('ages', 0).startOffset, 0);
  while (log.range('ages', 0).startOffset === 0) await sleep(50);
  await log.createTopic('ages', { partitions: 1, retentionMs: 3_600_000 });
  const end = await appendHalf('ages', 'young');
  assert.equal((await names('ages')).at(-1), 'young');
  assert.ok(log.range('ages', 0).startOffset <= end);
  assert.equal((await readValues(log, ['ages', 0])).length < 5, true);
});

test(
  '[LD3] a partition that is too large loses its oldest records, not more than needed',
  {
    skip,
  },
  async () => {
    await log.createTopic('sizes', { partitions: 1, retentionBytes: 2 << 20 });
    const written = Array.from({ length: 12 }, (_, i) => `n${i}`);
    for (const name of written) await appendHalf('sizes', name);
    while (log.range('sizes', 0).startOffset === 0) await sleep(50);
    // Looked at again until the brokers have nothing more to delete.
    for (let start = -1; start !== log.range('sizes', 0).startOffset; await sleep(1_000)) {
      start = log.range('sizes', 0).startOffset;
    }
    const kept = await names('sizes');
    assert.deepEqual(kept, written.slice(-kept.length));
    assert.ok(kept.length * 540_000 >= (2 << 20) - 540_000, `${kept.length}`);
    assert.ok(kept.length < written.length);
  },
);
