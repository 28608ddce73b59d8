import assert from 'node:assert/strict';
import { LogConsumer, type PolledPartition } from '@millrace/core/log';
import { append, type LogFixture, type LogTests, rejection, valueOf } from './fixture.ts';

function consumerOf(
  fixture: LogFixture,
  options: Partial<ConstructorParameters<typeof LogConsumer>[0]> = {},
) {
  const { log, clock } = fixture;
  return new LogConsumer({ log, clock, group: 'g', topics: ['events'], ...options });
}

function valuesFrom(polled: readonly PolledPartition[]): string[] {
  return polled.flatMap(({ batches, fromOffset }) =>
    batches.flatMap((batch) =>
      batch
        .records()
        .filter(({ offset }) => offset >= fromOffset)
        .map(valueOf),
    ),
  );
}

export const consumingTests: LogTests = {
  async '[LC1] a consumer begins at the committed offset, else where it was told to'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 2 });
    await append(log, ['events', 0], ['a', 'b', 'c']);
    await append(log, ['events', 1], ['d', 'e']);
    await log.commit({
      appends: [],
      offsets: [{ group: 'g', topic: 'events', partition: 0, nextOffset: 1 }],
    });
    const poll = async (options: Parameters<typeof consumerOf>[1]) =>
      valuesFrom(await consumerOf(fixture, options).poll({ bytesMax: 1 << 20 }));
    assert.deepEqual(await poll({}), ['b', 'c', 'd', 'e']);
    assert.deepEqual(await poll({ from: 'latest' }), ['b', 'c']);
    assert.deepEqual(await poll({ group: 'new' }), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(await poll({ group: 'new', from: 'latest' }), []);
    const positions = [{ topic: 'events', partition: 1, nextOffset: 1 }];
    assert.deepEqual(await poll({ positions }), ['b', 'c', 'e']);
  },

  async '[LC2] every record comes once, partitions take turns'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 3 });
    const expected: string[] = [];
    for (let i = 0; i < 90; i++) {
      const value = `${i}${'c'.repeat(200)}`;
      expected.push(value);
      await append(log, ['events', i % 3], [value]);
    }
    const consumer = consumerOf(fixture);
    const seen: string[] = [];
    const firsts: number[] = [];
    for (let polled = await consumer.poll({ bytesMax: 600 }); polled.length > 0;) {
      const bytes = polled
        .flatMap(({ batches }) => batches)
        .reduce((sum, batch) => sum + batch.byteLength, 0);
      assert.ok(bytes <= 1_000, `${bytes} bytes`);
      firsts.push(polled[0]!.partition);
      seen.push(...valuesFrom(polled));
      polled = await consumer.poll({ bytesMax: 600 });
    }
    assert.deepEqual(seen.toSorted(), expected.toSorted());
    assert.deepEqual(firsts.slice(0, 4), [0, 1, 2, 0]);
    for (let partition = 0; partition < 3; partition++) {
      const own = seen.filter((value) => Number.parseInt(value, 10) % 3 === partition);
      assert.deepEqual(
        own,
        expected.filter((_, i) => i % 3 === partition),
      );
    }
  },

  async '[LC3] a poll waits for a commit, for its time, or for the end'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 1 });
    await log.createTopic('other', { partitions: 1 });
    const consumer = consumerOf(fixture);
    assert.deepEqual(await consumer.poll({ bytesMax: 100 }), []);
    const woken = consumer.poll({ bytesMax: 100, waitMs: 60_000 });
    await append(log, ['other', 0], ['not for it']);
    await append(log, ['events', 0], ['a']);
    assert.deepEqual(valuesFrom(await woken), ['a']);
    const timed = consumer.poll({ bytesMax: 100, waitMs: 5_000 });
    await fixture.advance(4_000);
    await fixture.advance(1_000);
    assert.deepEqual(await timed, []);
    const closed = consumer.poll({ bytesMax: 100, waitMs: 60_000 });
    consumer.close();
    assert.deepEqual(await closed, []);
  },

  async '[LC4] partitions and topics that are added are taken up from their start'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 1, keyed: false });
    await append(log, ['events', 0], ['old']);
    const consumer = consumerOf(fixture, { topics: ['events', 'later'], from: 'latest' });
    await log.addPartitions('events', 2);
    await append(log, ['events', 1], ['a']);
    await log.createTopic('later', { partitions: 1 });
    await append(log, ['later', 0], ['b']);
    assert.deepEqual(valuesFrom(await consumer.poll({ bytesMax: 1 << 20 })), ['a', 'b']);
    assert.deepEqual(
      consumer.positions().map(({ topic, partition, nextOffset }) => `${topic} ${partition} ${nextOffset}`),
      ['events 0', 'events 1', 'later 0'].map((place) => `${place} ${1 + fixture.markersMax}`),
    );
  },

  async '[LC5] where retention was quicker it goes on at the new start and says what it missed'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 1 });
    for (let i = 0; i < 6; i++) await append(log, ['events', 0], [`${i}`]);
    const consumer = consumerOf(fixture);
    const step = 1 + fixture.markersMax;
    await log.deleteRecordsBefore('events', 0, 4 * step);
    assert.deepEqual(consumer.lag(), [{ topic: 'events', partition: 0, lagRecords: 2 * step }]);
    const polled = await consumer.poll({ bytesMax: 1 << 20 });
    assert.deepEqual(valuesFrom(polled), ['4', '5']);
    const { skippedRecords, fromOffset, nextOffset } = polled[0]!;
    assert.deepEqual([skippedRecords, fromOffset, nextOffset], [4 * step, 4 * step, 6 * step]);
    await append(log, ['events', 0], ['6']);
    assert.equal((await consumer.poll({ bytesMax: 1 << 20 }))[0]?.skippedRecords, 0);
  },

  async '[LC6] seek moves; positions and lag say where it is; nothing is committed'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 1 });
    await append(log, ['events', 0], ['a', 'b', 'c']);
    const consumer = consumerOf(fixture);
    const lagRecords = 3 + fixture.markersMax;
    assert.deepEqual(consumer.lag(), [{ topic: 'events', partition: 0, lagRecords }]);
    await consumer.poll({ bytesMax: 1 << 20 });
    assert.deepEqual(consumer.lag(), [{ topic: 'events', partition: 0, lagRecords: 0 }]);
    consumer.seek('events', 0, 2);
    assert.deepEqual(consumer.positions(), [{ topic: 'events', partition: 0, nextOffset: 2 }]);
    assert.deepEqual(valuesFrom(await consumer.poll({ bytesMax: 1 << 20 })), ['c']);
    assert.equal(log.committedOffset('g', 'events', 0), undefined);
  },

  async '[LX1] closing finishes what was begun; then everything is refused'({ log }) {
    await log.createTopic('events', { partitions: 1 });
    const pending = [append(log, ['events', 0], ['a']), append(log, ['events', 0], ['b'])];
    const closing = log.close();
    assert.deepEqual(await Promise.all(pending), [0, 1]);
    await closing;
    await log.close();
    await rejection(append(log, ['events', 0], ['c']), 'LOG_CLOSED');
    await rejection(log.read('events', 0, { offset: 0, bytesMax: 1 }), 'LOG_CLOSED');
    await rejection(log.createTopic('more', { partitions: 1 }), 'LOG_CLOSED');
    await rejection(log.addPartitions('events', 2), 'LOG_CLOSED');
    await rejection(log.deleteRecordsBefore('events', 0, 1), 'LOG_CLOSED');
    await rejection(log.offsetAtTime('events', 0, 0), 'LOG_CLOSED');
  },

  async '[LX2] a second opener is refused'(fixture) {
    await fixture.log.createTopic('events', { partitions: 1 });
    const error = await rejection(fixture.openAgain(), 'LOG_LOCKED');
    assert.equal(error.kind, 'config');
    assert.ok(error.details['folder'] !== undefined && error.details['pid'] !== undefined);
    assert.equal(await append(fixture.log, ['events', 0], ['still open']), 0);
  },
};
