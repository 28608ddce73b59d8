import assert from 'node:assert/strict';
import { append, type LogFixture, type LogTests, readValues, rejection, until } from './fixture.ts';

const MINUTE_MS = 60_000;

/** Appends until the partition has several closed segments, each value with its offset; returns the end. */
async function fill(fixture: LogFixture, bytes: number): Promise<number> {
  const value = 'f'.repeat(400);
  for (let i = 0; i < bytes / 400; i++) {
    const { endOffset } = fixture.log.range('events', 0);
    await append(fixture.log, ['events', 0], [`${endOffset}:${value}`]);
  }
  return fixture.log.range('events', 0).endOffset;
}

/** The offset of the first record. */
async function firstIndex(fixture: LogFixture): Promise<number> {
  const [first] = await readValues(fixture.log, ['events', 0]);
  return Number(first?.split(':')[0]);
}

export const deletingTests: LogTests = {
  async '[LD1] records before an offset are gone at once, also after a reopen'(fixture) {
    await fixture.log.createTopic('events', { partitions: 2 });
    const end = await fill(fixture, fixture.segmentBytes * 3.5);
    await append(fixture.log, ['events', 1], ['other']);
    const step = 1 + fixture.markersMax;
    for (const offset of [3, Math.floor(end / 2), end - step]) {
      await fixture.log.deleteRecordsBefore('events', 0, offset);
      assert.deepEqual(fixture.log.range('events', 0), { startOffset: offset, endOffset: end });
      const first = Math.ceil(offset / step) * step;
      assert.equal(await firstIndex(fixture), first);
      await rejection(
        fixture.log.read('events', 0, { offset: offset - 1, bytesMax: 1 }),
        'LOG_OFFSET_OUT_OF_RANGE',
      );
      await fixture.log.deleteRecordsBefore('events', 0, 1);
      await fixture.reopen();
      assert.deepEqual(fixture.log.range('events', 0), { startOffset: offset, endOffset: end });
      assert.equal(await firstIndex(fixture), first);
    }
    await rejection(fixture.log.deleteRecordsBefore('events', 0, end + 1), 'LOG_OFFSET_OUT_OF_RANGE');
    assert.deepEqual(await readValues(fixture.log, ['events', 1]), ['other']);
  },

  async '[LD2] records that are too old are deleted, younger ones are not'(fixture) {
    await fixture.log.createTopic('events', { partitions: 1, retentionMs: 60 * MINUTE_MS });
    const old = await fill(fixture, fixture.segmentBytes * 2);
    await fixture.advance(50 * MINUTE_MS);
    assert.equal(fixture.log.range('events', 0).startOffset, 0);
    const end = await fill(fixture, fixture.segmentBytes * 2);
    await fixture.advance(20 * MINUTE_MS);
    await until(() => fixture.log.range('events', 0).startOffset > 0);
    const { startOffset } = fixture.log.range('events', 0);
    // Whole segments go: one that holds a younger record stays.
    const perSegment = Math.ceil(fixture.segmentBytes / 400);
    assert.ok(startOffset <= old && startOffset >= old - perSegment, `${startOffset} of ${old}`);
    assert.equal(await firstIndex(fixture), startOffset);
    assert.equal(fixture.log.range('events', 0).endOffset, end);
    await fixture.advance(60 * MINUTE_MS);
    await until(() => fixture.log.range('events', 0).startOffset === end);
    assert.deepEqual(await readValues(fixture.log, ['events', 0]), []);
  },

  async '[LD3] a partition that is too large loses its oldest records, not more than needed'(fixture) {
    const retentionBytes = fixture.segmentBytes * 3;
    await fixture.log.createTopic('events', { partitions: 1, retentionBytes });
    const end = await fill(fixture, fixture.segmentBytes * 8);
    await fixture.advance(10 * MINUTE_MS);
    await until(() => fixture.log.range('events', 0).startOffset > 0);
    const { startOffset } = fixture.log.range('events', 0);
    const values = await readValues(fixture.log, ['events', 0]);
    assert.equal(values.length, end - startOffset);
    const kept = values.reduce((sum, value) => sum + value.length + 70, 0);
    assert.ok(
      kept >= retentionBytes * 0.95 && kept <= retentionBytes + fixture.segmentBytes * 1.5,
      `${kept}`,
    );
  },

  async '[LD4] offsets go on after everything was deleted'(fixture) {
    await fixture.log.createTopic('events', { partitions: 1 });
    const end = await fill(fixture, fixture.segmentBytes * 1.5);
    const pending = append(fixture.log, ['events', 0], ['on its way']);
    await fixture.log.deleteRecordsBefore('events', 0, end);
    await pending;
    assert.deepEqual(await readValues(fixture.log, ['events', 0]), ['on its way']);
    const second = end + 1 + fixture.markersMax;
    await fixture.log.deleteRecordsBefore('events', 0, second);
    assert.deepEqual(fixture.log.range('events', 0), { startOffset: second, endOffset: second });
    assert.equal(await append(fixture.log, ['events', 0], ['next']), second);
    const third = second + 1 + fixture.markersMax;
    await fixture.log.deleteRecordsBefore('events', 0, third);
    await fixture.reopen();
    assert.deepEqual(fixture.log.range('events', 0), { startOffset: third, endOffset: third });
    assert.equal(await append(fixture.log, ['events', 0], ['after']), third);
    assert.deepEqual(await readValues(fixture.log, ['events', 0]), ['after']);
  },
};
