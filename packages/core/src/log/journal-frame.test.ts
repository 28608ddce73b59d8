import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from './checksum.ts';
import { findFrame, frameAt, FrameBuilder, frameEntries, type JournalEntry } from './journal-frame.ts';

const logId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const check = { logId, checksum: crc32c };

const id = fc.nat({ max: 2 ** 31 - 1 });
const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const place = { topicId: id, partition: id, segmentBase: offset, position: id };
const entry: fc.Arbitrary<JournalEntry> = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), ...place, batch: fc.uint8Array({ maxLength: 500 }) }),
  fc.record({
    kind: fc.constant('appendInPlace' as const),
    ...place,
    header: fc.uint8Array({ minLength: 61, maxLength: 61 }),
  }),
  fc.record({
    kind: fc.constant('groupOffset' as const),
    group: fc.string({ unit: 'grapheme' }),
    topicId: id,
    partition: id,
    nextOffset: offset,
  }),
  fc.record({ kind: fc.constant('topic' as const), topicId: id, topic: fc.string(), config: fc.json() }),
  fc.record({
    kind: fc.constant('replacement' as const),
    topicId: id,
    partition: id,
    baseOffset: offset,
    generation: id,
    size: id,
    firstAppendedAtMs: offset,
    lastAppendedAtMs: offset,
    cleanedAtMs: fc.oneof(fc.constant(-1), offset),
    untilOffset: offset,
    compactedTo: offset,
  }),
  fc.record({ kind: fc.constant('startOffset' as const), topicId: id, partition: id, startOffset: offset }),
);

function add(builder: FrameBuilder, each: JournalEntry): void {
  if (each.kind === 'append') builder.addAppend(each, each.batch);
  else if (each.kind === 'appendInPlace') builder.addAppendInPlace(each, each.header);
  else if (each.kind === 'groupOffset') builder.addGroupOffset(each);
  else if (each.kind === 'topic') builder.addTopic(each);
  else if (each.kind === 'replacement') builder.addReplacement(each);
  else builder.addStartOffset(each);
}

/** Views become arrays of their own, records lose their prototypes' differences. */
function plain(entries: readonly JournalEntry[]): unknown {
  return entries.map((each) => {
    if (each.kind === 'append') return { ...each, batch: [...each.batch] };
    return each.kind === 'appendInPlace' ? { ...each, header: [...each.header] } : { ...each };
  });
}

test('any entries come back from a frame, also when the builder is used again', () => {
  const builder = new FrameBuilder();
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), offset, (entries, sequence) => {
      builder.clear();
      for (const each of entries) add(builder, each);
      const bytes = builder.finish({ sequence, logId, checksum: crc32c });
      const frame = frameAt(bytes, 0, check);
      assert.ok(frame);
      assert.deepEqual([frame.sequence, frame.end], [sequence, bytes.length]);
      assert.deepEqual(plain(frameEntries(frame)), plain(entries));
    }),
  );
});

test('a frame with any flipped bit, cut anywhere, or of another log is none', () => {
  const builder = new FrameBuilder();
  builder.addGroupOffset({ group: 'g', topicId: 1, partition: 2, nextOffset: 3 });
  const whole = builder.finish({ sequence: 9, logId, checksum: crc32c }).slice();
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = whole.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(frameAt(damaged, 0, check), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < whole.length; length++) {
    assert.equal(frameAt(whole.subarray(0, length), 0, check), undefined);
  }
  assert.equal(frameAt(whole, 0, { ...check, logId: new Uint8Array(8) }), undefined);
});

test('findFrame finds a later frame at any position, and none before the sequence', () => {
  const builder = new FrameBuilder();
  builder.addStartOffset({ topicId: 1, partition: 2, startOffset: 3 });
  const frame = builder.finish({ sequence: 5, logId, checksum: crc32c }).slice();
  for (let position = 0; position < 70; position++) {
    const bytes = new Uint8Array(200).fill(0x4d);
    bytes.set(frame, position);
    assert.equal(findFrame(bytes, 0, { ...check, sequenceMin: 5 })?.end, position + frame.length);
    assert.equal(findFrame(bytes, 0, { ...check, sequenceMin: 6 }), undefined);
    assert.equal(findFrame(bytes, position + 1, { ...check, sequenceMin: 5 }), undefined);
  }
});
