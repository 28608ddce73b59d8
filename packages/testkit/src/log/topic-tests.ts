import assert from 'node:assert/strict';
import { append, type LogTests, readValues, rejection } from './fixture.ts';

export const topicTests: LogTests = {
  async '[LT1] a topic is made with the defaults'({ log }) {
    const made = await log.createTopic('events', { partitions: 3 });
    const expected = {
      topic: 'events',
      partitions: 3,
      retentionMs: 7 * 24 * 60 * 60 * 1000,
      retentionBytes: Infinity,
      keyed: true,
      compression: 'none',
      cleanup: 'delete',
      tombstoneRetentionMs: 24 * 60 * 60 * 1000,
    };
    assert.deepEqual(made, expected);
    assert.deepEqual(log.describe('events'), expected);
    assert.deepEqual(log.range('events', 2), { startOffset: 0, endOffset: 0 });
  },

  async '[LT2] making it again changes the settings, never takes partitions away, never adds them to keyed ones'({
    log,
  }) {
    await log.createTopic('views', { partitions: 3, keyed: false });
    const changed = await log.createTopic('views', {
      partitions: 2,
      keyed: false,
      retentionMs: 1000,
      retentionBytes: 5000,
    });
    assert.deepEqual(changed, {
      topic: 'views',
      partitions: 3,
      retentionMs: 1000,
      retentionBytes: 5000,
      keyed: false,
      compression: 'none',
      cleanup: 'delete',
      tombstoneRetentionMs: 24 * 60 * 60 * 1000,
    });
    assert.equal((await log.createTopic('views', { partitions: 5, keyed: false })).partitions, 5);
    await log.createTopic('orders', { partitions: 2 });
    await rejection(log.createTopic('orders', { partitions: 3 }), 'LOG_KEYED_TOPIC');
    assert.equal((await log.createTopic('orders', { partitions: 1 })).partitions, 2);
  },

  async '[LT3] partitions are added to unkeyed topics only, and start empty'({ log }) {
    await log.createTopic('views', { partitions: 1, keyed: false });
    await append(log, ['views', 0], ['a', 'b']);
    assert.equal((await log.addPartitions('views', 3)).partitions, 3);
    assert.deepEqual(log.range('views', 2), { startOffset: 0, endOffset: 0 });
    assert.equal(await append(log, ['views', 2], ['c']), 0);
    assert.deepEqual(await readValues(log, ['views', 0]), ['a', 'b']);
    await rejection(log.addPartitions('views', 2), 'LOG_INVALID_TOPIC');
    await rejection(log.addPartitions('absent', 2), 'LOG_NO_SUCH_TOPIC');
    await log.createTopic('orders', { partitions: 2 });
    await rejection(log.addPartitions('orders', 3), 'LOG_KEYED_TOPIC');
    assert.equal(log.describe('views')?.partitions, 3);
  },

  async '[LT5] an unknown compression is refused'({ log }) {
    const compression = 'snappy' as 'none';
    await rejection(log.createTopic('events', { partitions: 1, compression }), 'LOG_INVALID_TOPIC');
    assert.equal(log.describe('events'), undefined);
  },

  async '[LT4] topics are listed by name'({ log }) {
    for (const topic of ['b', '__internal', 'a-1', 'a']) await log.createTopic(topic, { partitions: 1 });
    assert.deepEqual(
      log.topics().map(({ topic }) => topic),
      ['__internal', 'a', 'a-1', 'b'],
    );
    assert.equal(log.describe('c'), undefined);
  },

  async '[LT5] what cannot be a topic is refused'({ log }) {
    for (const name of ['', '.', '..', 'a/b', 'a b', 'é', 'x'.repeat(250)]) {
      await rejection(log.createTopic(name, { partitions: 1 }), 'LOG_INVALID_TOPIC');
    }
    for (const config of [
      { partitions: 0 },
      { partitions: 1.5 },
      { partitions: 1, retentionMs: 0 },
      { partitions: 1, retentionBytes: -1 },
      { partitions: 1, retentionMs: NaN },
    ]) {
      await rejection(log.createTopic('events', config), 'LOG_INVALID_TOPIC');
    }
    assert.deepEqual(log.topics(), []);
    await log.createTopic('x'.repeat(249), { partitions: 1 });
  },

  async '[LT6] topics are there after a reopen'(fixture) {
    await fixture.log.createTopic('events', { partitions: 3, retentionMs: Infinity });
    await fixture.log.createTopic('views', { partitions: 1, keyed: false, retentionBytes: 10_000 });
    await fixture.log.addPartitions('views', 2);
    const before = fixture.log.topics();
    await fixture.reopen();
    assert.deepEqual(fixture.log.topics(), before);
    assert.equal(before[0]?.retentionMs, Infinity);
  },

  async '[LT7] topics that are made at once do not disturb each other'({ log }) {
    const names = Array.from({ length: 20 }, (_, i) => `topic-${i % 10}`);
    await Promise.all(names.map((topic) => log.createTopic(topic, { partitions: 2, keyed: false })));
    await Promise.all([log.addPartitions('topic-1', 3), log.addPartitions('topic-1', 4)]);
    assert.equal(log.topics().length, 10);
    assert.equal(log.describe('topic-1')?.partitions, 4);
    for (const { topic } of log.topics()) await append(log, [topic, 1], [topic]);
    for (const { topic } of log.topics()) assert.deepEqual(await readValues(log, [topic, 1]), [topic]);
  },
};
