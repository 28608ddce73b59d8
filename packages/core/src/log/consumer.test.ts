import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { append, rejection, valueOf } from '@millrace/testkit/log';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { type MillraceError, seededRandom, silentLogger, silentMeter } from '../base/index.ts';
import { LogConsumer } from './consumer.ts';
import { openEmbeddedLog } from './embedded-log.ts';

function open(disk: SimulatedDisk) {
  const clock = new VirtualClock();
  const limits = { recentBytesMax: 0, journalFileBytes: 10_000 };
  const options = { folder: '/log', files: disk.mount(), clock, meter: silentMeter, logger: silentLogger };
  return openEmbeddedLog({ ...options, limits });
}

test('a damaged partition is left out and reported; the others are delivered, and seek takes it up again', async () => {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  let log = await open(disk);
  await log.createTopic('events', { partitions: 2 });
  for (let i = 0; i < 6; i++) await append(log, ['events', i % 2], [`${i}`]);
  await log.close();
  disk.flipBit('/log/segments/events-0/00000000000000000000.log', 8 * 90);
  log = await open(disk);
  const clock = new VirtualClock();
  const strict = new LogConsumer({ log, clock, group: 'g', topics: ['events'] });
  // Nothing that was read of the other partition is lost with the failure.
  const first = await strict.poll({ bytesMax: 1 << 20 });
  await append(log, ['events', 1], ['7']);
  const second = await strict.poll({ bytesMax: 1 << 20 });
  const third = await rejection(strict.poll({ bytesMax: 1 << 20 }), 'LOG_CORRUPT_SEGMENT');
  assert.equal(third.details['partition'], 0);
  const delivered = [...first, ...second].flatMap(({ batches }) =>
    batches.flatMap((batch) => batch.records().map(valueOf)),
  );
  assert.deepEqual(delivered, ['0', '1', '3', '5', '7']);
  const failures: { error: MillraceError; nextOffset: number }[] = [];
  const consumer = new LogConsumer({
    log,
    clock,
    group: 'g',
    topics: ['events'],
    onPartitionError: (error, { nextOffset }) => failures.push({ error: error as MillraceError, nextOffset }),
  });
  const values = async () => {
    const polled = await consumer.poll({ bytesMax: 1 << 20 });
    return polled.flatMap(({ batches }) => batches.flatMap((batch) => batch.records().map(valueOf)));
  };
  // The batch before the damage is delivered first; what is on the disk and what is in memory come apart.
  assert.deepEqual(await values(), ['0', '1', '3', '5']);
  assert.deepEqual(await values(), ['7']);
  assert.deepEqual(await values(), []);
  assert.equal(failures.length, 1);
  assert.deepEqual([failures[0]?.error.code, failures[0]?.nextOffset], ['LOG_CORRUPT_SEGMENT', 1]);
  consumer.seek('events', 0, Number(failures[0]?.error.details['resumeOffset']));
  assert.deepEqual(await values(), ['4']);
  await log.close();
});
