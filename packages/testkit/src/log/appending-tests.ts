import assert from 'node:assert/strict';
import { isMillraceError } from '@millrace/core/base';
import { type EventLog, type LogCommit, RecordBatchBuilder } from '@millrace/core/log';
import { append, assertOffset, batchOf, type LogTests, readAll, readValues, rejection } from './fixture.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const plain = (view: Uint8Array | null) => (view === null ? null : Buffer.from(view).toString());

const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;

export const appendingTests: LogTests = {
  async '[LA10] compressed topics hold what was appended, also when the setting changes'(fixture) {
    const values: string[] = [];
    const offsets: number[] = [];
    for (let i = 0; i < 30; i++) {
      const compression = COMPRESSIONS[i % COMPRESSIONS.length]!;
      await fixture.log.createTopic('events', { partitions: 1, compression });
      assert.equal(fixture.log.describe('events')?.compression, compression);
      // A single record hardly shrinks, the later batches do, and the largest are larger than a segment.
      const batch = Array.from({ length: 1 + i * 3 }, (_, n) => `user-${n}:${i} ${'.'.repeat((i * 7) % 90)}`);
      const first = await append(fixture.log, ['events', 0], batch);
      assertOffset(fixture, first, { records: values.length, commits: i });
      offsets.push(...batch.map((_, n) => first + n));
      values.push(...batch);
    }
    assert.deepEqual(await readValues(fixture.log, ['events', 0]), values);
    await fixture.reopen();
    assert.deepEqual(await readValues(fixture.log, ['events', 0]), values);
    for (const index of [1, 17, 333, values.length - 1]) {
      const read = { offset: offsets[index]!, bytesMax: 1 };
      assert.deepEqual(await readValues(fixture.log, ['events', 0], read), values.slice(index));
    }
  },

  async '[LA1] offsets begin at 0 and rise, receipts give the first of each append'({ log, markersMax }) {
    await log.createTopic('events', { partitions: 2 });
    const receipt = await log.commit({
      appends: [
        { topic: 'events', partition: 1, batch: batchOf(['a', 'b']) },
        { topic: 'events', partition: 0, batch: batchOf(['c']) },
        { topic: 'events', partition: 1, batch: batchOf(['d', 'e', 'f']) },
      ],
    });
    assert.deepEqual(receipt.baseOffsets, [0, 0, 2]);
    assert.equal(await append(log, ['events', 1], ['g']), 5 + markersMax);
    assert.deepEqual(log.range('events', 1), { startOffset: 0, endOffset: 6 + 2 * markersMax });
    const records = await readAll(log, ['events', 1]);
    assert.deepEqual(
      records.map(({ offset, value }) => [offset, plain(value)]),
      ['a', 'b', 'd', 'e', 'f', 'g'].map((value, i) => [i < 5 ? i : i + markersMax, value]),
    );
  },

  async '[LA2] records come back as they were appended'({ log }) {
    await log.createTopic('events', { partitions: 1 });
    const batch = new RecordBatchBuilder({ createdAtMs: 1_234 });
    batch.append(bytes('key'), bytes('value'), [
      { key: 'replayed', value: bytes('1') },
      { key: 'ü', value: new Uint8Array(0) },
    ]);
    batch.append(null, bytes(''));
    batch.append(bytes(''), null);
    const { appendedAtMs } = await log.commit({ appends: [{ topic: 'events', partition: 0, batch }] });
    const [read] = await log.read('events', 0, { offset: 0, bytesMax: 1 });
    assert.equal(read?.createdAtMs, 1_234);
    assert.equal(read?.appendedAtMs, appendedAtMs);
    const records = read.records().map(({ offset, key, value, headers, timestampMs }) => ({
      offset,
      timestampMs,
      key: plain(key),
      value: plain(value),
      headers: headers.map((header) => [header.key, plain(header.value)]),
    }));
    assert.deepEqual(records, [
      {
        offset: 0,
        timestampMs: appendedAtMs,
        key: 'key',
        value: 'value',
        headers: [
          ['replayed', '1'],
          ['ü', ''],
        ],
      },
      { offset: 1, timestampMs: appendedAtMs, key: null, value: '', headers: [] },
      { offset: 2, timestampMs: appendedAtMs, key: '', value: null, headers: [] },
    ]);
  },

  async '[LA3] append times never go back'(fixture) {
    await fixture.log.createTopic('events', { partitions: 1 });
    const times: number[] = [];
    for (const jump of [0, 5_000, -60_000, 10_000, 80_000]) {
      fixture.jump(jump);
      const appends = [{ topic: 'events', partition: 0, batch: batchOf(['x', 'y']) }];
      const { appendedAtMs } = await fixture.log.commit({ appends });
      if (times.length === 0) assert.equal(appendedAtMs, fixture.clock.nowMs());
      times.push(appendedAtMs);
      if (jump < 0) await fixture.reopen();
    }
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(times[2], times[1]);
    assert.ok(times[4]! > times[3]!);
    const records = await readAll(fixture.log, ['events', 0]);
    assert.deepEqual(
      records.map(({ timestampMs }) => timestampMs),
      times.flatMap((time) => [time, time]),
    );
  },

  async '[LA4] what a commit holds becomes visible together'(fixture) {
    const { log } = fixture;
    await log.createTopic('in', { partitions: 2 });
    await log.createTopic('out', { partitions: 1 });
    const states = new Set<string>();
    const look = () => {
      const state = [log.range('in', 1), log.range('out', 0)].map(({ endOffset }) => endOffset);
      states.add(JSON.stringify([...state, log.committedOffset('app', 'in', 0) ?? -1]));
    };
    log.onCommit(look);
    const pending = [1, 2, 3].map((nextOffset) =>
      log.commit({
        appends: [
          { topic: 'in', partition: 1, batch: batchOf(['a']) },
          { topic: 'out', partition: 0, batch: batchOf(['b', 'c']) },
        ],
        offsets: [{ group: 'app', topic: 'in', partition: 0, nextOffset }],
      }),
    );
    look();
    while (log.range('out', 0).endOffset < 6) {
      look();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(pending);
    look();
    const commitsSeen = new Set<number>();
    for (const state of states) {
      const [inEnd, outEnd, offset] = JSON.parse(state) as [number, number, number];
      const commits = Math.max(0, offset);
      commitsSeen.add(commits);
      assertOffset(fixture, inEnd, { records: commits, commits });
      assertOffset(fixture, outEnd, { records: 2 * commits, commits });
    }
    assert.ok(commitsSeen.has(0) && commitsSeen.has(3));
  },

  async '[LA5] commits become visible in the order of the calls'(fixture) {
    const { log } = fixture;
    await log.createTopic('events', { partitions: 1 });
    const order: number[] = [];
    const commits = Array.from({ length: 150 }, async (_, i) => {
      const offset = await append(log, ['events', 0], [`${i}:${'x'.repeat(i)}`]);
      assertOffset(fixture, offset, { records: i, commits: i });
      order.push(i);
    });
    await Promise.all(commits);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    const values = await readValues(log, ['events', 0]);
    assert.deepEqual(
      values.map((value) => Number(value.split(':')[0])),
      order,
    );
  },

  async '[LA6] a commit that cannot be taken changes nothing'({ log, batchBytesMax }) {
    await log.createTopic('events', { partitions: 1 });
    const good = () => ({ topic: 'events', partition: 0, batch: batchOf(['good']) });
    const offset = { group: 'g', topic: 'events', partition: 0, nextOffset: 1 };
    const refused: readonly (readonly [LogCommit, string])[] = [
      [{ appends: [] }, 'LOG_EMPTY_COMMIT'],
      [{ appends: [good(), { ...good(), batch: batchOf([]) }], offsets: [offset] }, 'LOG_EMPTY_COMMIT'],
      [{ appends: [good(), { ...good(), topic: 'absent' }], offsets: [offset] }, 'LOG_NO_SUCH_TOPIC'],
      [{ appends: [good(), { ...good(), partition: 1 }], offsets: [offset] }, 'LOG_NO_SUCH_PARTITION'],
      [{ appends: [good()], offsets: [offset, { ...offset, topic: 'absent' }] }, 'LOG_NO_SUCH_TOPIC'],
      [{ appends: [good()], offsets: [offset, { ...offset, partition: 7 }] }, 'LOG_NO_SUCH_PARTITION'],
      [
        { appends: [good(), { ...good(), batch: batchOf(['x'.repeat(batchBytesMax)]) }], offsets: [offset] },
        'LOG_BATCH_TOO_LARGE',
      ],
    ];
    for (const [commit, code] of refused) {
      assert.equal((await rejection(log.commit(commit), code)).kind, 'input');
    }
    assert.deepEqual(log.range('events', 0), { startOffset: 0, endOffset: 0 });
    assert.equal(log.committedOffset('g', 'events', 0), undefined);
    await rejection(log.read('absent', 0, { offset: 0, bytesMax: 1 }), 'LOG_NO_SUCH_TOPIC');
    await rejection(log.read('events', 3, { offset: 0, bytesMax: 1 }), 'LOG_NO_SUCH_PARTITION');
    assert.equal(await append(log, ['events', 0], ['good']), 0);
  },

  async '[LA7] what was acknowledged is there after a reopen'(fixture) {
    await fixture.log.createTopic('events', { partitions: 3 });
    const expected: string[][] = [[], [], []];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 60; i++) {
        const partition = (i * 7) % 3;
        const values = Array.from(
          { length: (i % 4) + 1 },
          (_, n) => `${round}-${i}-${n}:${'v'.repeat(i * 5)}`,
        );
        expected[partition]!.push(...values);
        await append(fixture.log, ['events', partition], values);
      }
      await fixture.reopen();
      for (let partition = 0; partition < 3; partition++) {
        assert.deepEqual(await readValues(fixture.log, ['events', partition]), expected[partition]);
      }
    }
  },

  async '[LA8] too much at once is refused and changes nothing; when it has drained, the log takes more'({
    log,
    batchBytesMax,
    inFlightBytesMax,
  }) {
    await log.createTopic('events', { partitions: 1 });
    const value = 'x'.repeat(Math.floor(batchBytesMax / 2));
    const count = Math.ceil(inFlightBytesMax / value.length) + 2;
    const results = await Promise.allSettled(
      Array.from({ length: count }, (_, i) => append(log, ['events', 0], [`${i}:${value}`])),
    );
    const taken: number[] = [];
    results.forEach((result, i) => {
      if (result.status === 'fulfilled') return taken.push(i);
      const { reason } = result;
      assert.ok(isMillraceError(reason) && reason.code === 'LOG_BACKPRESSURE', String(reason));
      assert.equal(reason.kind, 'transient');
      assert.ok(reason.retryAfterMs! > 0);
    });
    assert.ok(taken.length > 0 && taken.length < count, `${taken.length} of ${count}`);
    await appendWhenTaken(log, 'last');
    const values = await readValues(log, ['events', 0]);
    assert.deepEqual(
      values.map((each) => each.split(':')[0]),
      [...taken.map(String), 'last'],
    );
  },

  async '[LA9] large batches and small ones keep the same order'(fixture) {
    await fixture.log.createTopic('events', { partitions: 2 });
    const sizes = [10, 3_000, 20, 9_000, 9_000, 30, 2_500, 40, 1, 9_000];
    const commits = sizes.map((size, i) =>
      append(fixture.log, ['events', i % 2], [`${i}:${'z'.repeat(size)}`]),
    );
    for (const [i, offset] of (await Promise.all(commits)).entries()) {
      const before = Math.floor(i / 2);
      assertOffset(fixture, offset, { records: before, commits: before });
    }
    const check = async () => {
      for (const partition of [0, 1]) {
        const values = await readValues(fixture.log, ['events', partition], { bytesMax: 1 });
        assert.deepEqual(
          values.map((value) => Number(value.split(':')[0]) % 2),
          Array(5).fill(partition),
        );
        assert.deepEqual(
          values.map((value) => value.length - 2),
          sizes.filter((_, i) => i % 2 === partition),
        );
      }
    };
    await check();
    await fixture.reopen();
    await check();
  },
};

async function appendWhenTaken(log: EventLog, value: string): Promise<void> {
  for (;;) {
    try {
      await append(log, ['events', 0], [value]);
      return;
    } catch (error) {
      if (!isMillraceError(error) || error.kind !== 'transient') throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
