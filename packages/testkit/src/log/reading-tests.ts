import assert from 'node:assert/strict';
import { append, batchOf, type LogTests, readAll, readValues, rejection, until, valueOf } from './fixture.ts';

export const readingTests: LogTests = {
  async '[LR1] a read begins with the batch that holds the offset, and keeps to bytesMax'({
    log,
    markersMax,
  }) {
    await log.createTopic('events', { partitions: 1 });
    for (let i = 0; i < 10; i++) await append(log, ['events', 0], [`${i}a`, `${i}b`, `${i}c`]);
    const third = 2 * (3 + markersMax);
    const [first] = await log.read('events', 0, { offset: third + 1, bytesMax: 1 });
    assert.deepEqual([first?.baseOffset, first?.count], [third, 3]);
    assert.ok(first!.lastOffset >= third + 2 && first!.lastOffset <= third + 2 + markersMax);
    // A marker is a batch of its own on the way.
    const bytesMax = first!.byteLength * 2 + 80 * markersMax;
    const two = await log.read('events', 0, { offset: third + 1, bytesMax });
    assert.deepEqual(
      two.map(({ baseOffset }) => baseOffset),
      [third, third + 3 + markersMax],
    );
    const all = await log.read('events', 0, { offset: 0, bytesMax: 1 << 20 });
    assert.equal(all.at(0)?.baseOffset, 0);
  },

  async '[LR2] the end is empty; outside of the range is refused'({ log, markersMax }) {
    await log.createTopic('events', { partitions: 1 });
    assert.deepEqual(await log.read('events', 0, { offset: 0, bytesMax: 100 }), []);
    await append(log, ['events', 0], ['a', 'b']);
    const endOffset = 2 + markersMax;
    assert.deepEqual(await log.read('events', 0, { offset: endOffset, bytesMax: 100 }), []);
    const above = await rejection(
      log.read('events', 0, { offset: endOffset + 1, bytesMax: 1 }),
      'LOG_OFFSET_OUT_OF_RANGE',
    );
    assert.equal(above.details['endOffset'], endOffset);
    await log.deleteRecordsBefore('events', 0, 1);
    const below = await rejection(
      log.read('events', 0, { offset: 0, bytesMax: 1 }),
      'LOG_OFFSET_OUT_OF_RANGE',
    );
    assert.equal(below.details['startOffset'], 1);
  },

  async '[LR3] from any offset every record comes once, however old'(fixture) {
    await fixture.log.createTopic('events', { partitions: 1 });
    const expected: string[] = [];
    const offsets: number[] = [];
    for (let i = 0; i < 150; i++) {
      const values = Array.from({ length: (i % 7) + 1 }, (_, n) => `${i}.${n}${'-'.repeat((i * 37) % 300)}`);
      expected.push(...values);
      const first = await append(fixture.log, ['events', 0], values);
      offsets.push(...values.map((_, n) => first + n));
    }
    for (const isReopened of [false, true]) {
      if (isReopened) await fixture.reopen();
      for (const bytesMax of [1, 700, 1 << 20]) {
        for (let from = 0; from < expected.length; from += 83) {
          const records = await readAll(fixture.log, ['events', 0], { offset: offsets[from]!, bytesMax });
          assert.deepEqual(records.map(valueOf), expected.slice(from));
          assert.deepEqual(
            records.map((record) => record.offset),
            offsets.slice(from),
          );
        }
      }
    }
  },

  async '[LR4] offsetAtTime finds the first offset at or after a time'(fixture) {
    const { clock } = fixture;
    await fixture.log.createTopic('events', { partitions: 1 });
    assert.equal(await fixture.log.offsetAtTime('events', 0, 0), 0);
    const batches: { timeMs: number; offset: number }[] = [];
    for (let i = 0; i < 120; i++) {
      if (i % 3 === 0) fixture.jump(1_000);
      const offset = await append(fixture.log, ['events', 0], [`${i}${'.'.repeat(150)}`, 'second']);
      batches.push({ timeMs: clock.nowMs(), offset });
    }
    const expected = (timeMs: number) => batches.find((batch) => batch.timeMs >= timeMs)?.offset ?? 240;
    for (const isReopened of [false, true]) {
      if (isReopened) await fixture.reopen();
      for (const { timeMs } of batches) {
        for (const askedMs of [timeMs - 500, timeMs, timeMs + 1]) {
          assert.equal(await fixture.log.offsetAtTime('events', 0, askedMs), expected(askedMs), `${askedMs}`);
        }
      }
    }
    await fixture.log.deleteRecordsBefore('events', 0, 51);
    assert.equal(await fixture.log.offsetAtTime('events', 0, 0), 51);
  },

  async '[LR5] a reader sees a prefix of what is appended meanwhile'({ log, markersMax }) {
    await log.createTopic('events', { partitions: 1 });
    const count = 200;
    const write = async () => {
      for (let i = 0; i < count; i++) await append(log, ['events', 0], [`${i}${'~'.repeat((i * 53) % 900)}`]);
    };
    const writing = write();
    let reads = 0;
    while (log.range('events', 0).endOffset < count * (1 + markersMax)) {
      const values = await readValues(log, ['events', 0], { bytesMax: 2_000 });
      values.forEach((value, i) => assert.equal(Number.parseInt(value, 10), i));
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    assert.equal((await readValues(log, ['events', 0])).length, count);
    assert.ok(reads > 0);
  },

  async '[LG1] a group’s offset is what it committed last, also after a reopen'(fixture) {
    await fixture.log.createTopic('events', { partitions: 2 });
    assert.equal(fixture.log.committedOffset('g', 'events', 1), undefined);
    for (const nextOffset of [5, 9]) {
      await fixture.log.commit({
        appends: [],
        offsets: [{ group: 'g', topic: 'events', partition: 1, nextOffset }],
      });
      assert.equal(fixture.log.committedOffset('g', 'events', 1), nextOffset);
    }
    await fixture.reopen();
    assert.equal(fixture.log.committedOffset('g', 'events', 1), 9);
    assert.equal(fixture.log.committedOffset('g', 'events', 0), undefined);
  },

  async '[LG2] groups, topics and partitions have their own offsets, which may go back'(fixture) {
    for (const topic of ['a', 'b']) await fixture.log.createTopic(topic, { partitions: 2 });
    const offsets = ['g', 'h', 'ü/ß'].flatMap((group, i) =>
      ['a', 'b'].flatMap((topic, j) =>
        [0, 1].map((partition) => ({ group, topic, partition, nextOffset: 100 + i * 4 + j * 2 + partition })),
      ),
    );
    await fixture.log.commit({ appends: [], offsets });
    await fixture.log.commit({ appends: [], offsets: [{ ...offsets[0]!, nextOffset: 1 }] });
    await fixture.reopen();
    for (const [i, { group, topic, partition, nextOffset }] of offsets.entries()) {
      assert.equal(fixture.log.committedOffset(group, topic, partition), i === 0 ? 1 : nextOffset);
    }
  },

  async '[LN1] listeners hear of commits that can be seen, until they cancel'({ log, markersMax }) {
    for (const topic of ['a', 'b']) await log.createTopic(topic, { partitions: 1 });
    const heard: string[] = [];
    const cancel = log.onCommit((topics) => {
      for (const topic of topics) heard.push(`${topic} ${log.range(topic, 0).endOffset}`);
    });
    await append(log, ['a', 0], ['1', '2']);
    await log.commit({
      appends: [
        { topic: 'b', partition: 0, batch: batchOf(['3']) },
        { topic: 'a', partition: 0, batch: batchOf(['4']) },
      ],
    });
    await until(() => heard.length >= 3);
    await log.commit({ appends: [], offsets: [{ group: 'g', topic: 'a', partition: 0, nextOffset: 1 }] });
    const ends = [`a ${2 + markersMax}`, `a ${3 + 2 * markersMax}`, `b ${1 + markersMax}`];
    assert.deepEqual(heard.toSorted(), ends);
    cancel();
    await append(log, ['a', 0], ['5']);
    assert.equal(heard.length, 3);
  },
};
