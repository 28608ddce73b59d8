import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import fc from 'fast-check';
import { isMillraceError } from '../base/index.ts';
import { crc32c } from './checksum.ts';
import { RecordBatchBuilder } from './record-batch-builder.ts';
import type { LogRecord } from './record-batch.ts';
import { decodeBatches, RecordBatch } from './record-batch.ts';

const text = new TextEncoder();
const invalid = (error: unknown) => isMillraceError(error) && error.code === 'LOG_INVALID_BATCH';

function seal(builder: RecordBatchBuilder, baseOffset = 0, appendedAtMs = 2_000): Uint8Array {
  return builder.seal({ baseOffset, appendedAtMs, checksum: crc32c });
}

// Written by hand from the layout in the Kafka documentation.
const handMade = [
  '0000000000000007', // base offset 7
  '00000045', // batch length 69
  '00000000', // leader epoch
  '02', // magic
  '00000000', // CRC, filled in below
  '0008', // attributes: LogAppendTime
  '00000001', // last offset delta
  '00000000000003e8', // base timestamp 1000
  '00000000000007d0', // max timestamp 2000
  'ffffffffffffffff', // producer id
  'ffff', // producer epoch
  'ffffffff', // base sequence
  '00000002', // record count
  '18', // record length 12
  '000000', // attributes, timestamp delta, offset delta 0
  '026b', // key 'k'
  '047631', // value 'v1'
  '02026800', // one header 'h' with an empty value
  '0c', // record length 6
  '000002', // attributes, timestamp delta, offset delta 1
  '0101', // null key, null value
  '00', // no headers
].join('');

function handMadeBytes(): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(handMade, 'hex'));
  new DataView(bytes.buffer).setUint32(17, crc32c(bytes.subarray(21)));
  return bytes;
}

test('a batch is laid out as the Kafka documentation says, byte for byte', () => {
  const builder = new RecordBatchBuilder({ createdAtMs: 1_000 });
  builder.append(text.encode('k'), text.encode('v1'), [{ key: 'h', value: new Uint8Array(0) }]);
  builder.append(null, null);
  assert.deepEqual(new Uint8Array(seal(builder, 7)), handMadeBytes());
});

test('a batch made by hand decodes', () => {
  const batch = RecordBatch.decode(handMadeBytes());
  assert.equal(batch.baseOffset, 7);
  assert.equal(batch.lastOffset, 8);
  assert.equal(batch.count, 2);
  assert.equal(batch.createdAtMs, 1_000);
  assert.equal(batch.appendedAtMs, 2_000);
  assert.ok(batch.matchesChecksum(crc32c));
  const [first, second] = batch.records();
  assert.deepEqual(fields(first!), {
    offset: 7,
    timestampMs: 2_000,
    key: text.encode('k'),
    value: text.encode('v1'),
    headers: [{ key: 'h', value: new Uint8Array(0) }],
  });
  assert.deepEqual(fields(second!), { offset: 8, timestampMs: 2_000, key: null, value: null, headers: [] });
});

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const header = fc.record(
  { key: fc.string({ unit: 'grapheme' }), value: fc.uint8Array() },
  { noNullPrototype: true },
);
const record = fc.record(
  {
    key: bytesOrNull,
    value: bytesOrNull,
    headers: fc.array(header, { maxLength: 3 }),
  },
  { noNullPrototype: true },
);

test('any records come back as they were appended', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 40 }),
      fc.nat({ max: 2 ** 52 }),
      fc.tuple(fc.maxSafeInteger(), fc.nat({ max: 4_000 })),
      (records, baseOffset, [createdAtMs, bytesHint]) => {
        const builder = new RecordBatchBuilder({ createdAtMs, bytesHint });
        for (const { key, value, headers } of records) builder.append(key, value, headers);
        const expectedLength = builder.byteLength;
        const bytes = seal(builder, baseOffset);
        assert.equal(bytes.length, expectedLength);
        const batch = RecordBatch.decode(bytes);
        assert.equal(batch.createdAtMs, createdAtMs);
        const decoded = batch.records().map(({ offset, key, value, headers }) => {
          const plain = (view: Uint8Array | null) => (view === null ? null : new Uint8Array(view));
          const plainHeaders = headers.map((each) => ({
            key: each.key,
            value: new Uint8Array(each.value),
          }));
          return { offset, key: plain(key), value: plain(value), headers: plainHeaders };
        });
        assert.deepEqual(
          decoded,
          records.map((original, i) => ({ offset: baseOffset + i, ...original })),
        );
      },
    ),
  );
});

test('a slice of a larger source is appended as a copy of it would be', () => {
  const source = text.encode('x'.repeat(50) + '{"a":1}' + 'y'.repeat(90));
  const bySlice = new RecordBatchBuilder({ createdAtMs: 1 });
  const byView = new RecordBatchBuilder({ createdAtMs: 1 });
  for (const [start, end] of [
    [50, 57],
    [57, 147],
    [0, 0],
    [0, source.length],
  ] as const) {
    bySlice.appendSlice(null, source, start, end);
    byView.append(null, source.subarray(start, end));
  }
  assert.deepEqual(seal(bySlice), seal(byView));
  assert.throws(() =>
    new RecordBatchBuilder({ createdAtMs: 1 }).appendSlice(null, source, 5, source.length + 1),
  );
});

const fields = ({ offset, timestampMs, key, value, headers }: LogRecord) => ({
  offset,
  timestampMs,
  key,
  value,
  headers,
});

test('forEachValue and the cursor see what records() sees', () => {
  const builder = new RecordBatchBuilder({ createdAtMs: 5 });
  const values = [text.encode('a'), null, new Uint8Array(0), text.encode('long'.repeat(200))];
  for (const value of values) builder.append(text.encode('key'), value);
  const batch = RecordBatch.decode(seal(builder));
  const seen: (string | null)[] = [];
  batch.forEachValue((bytes, start, end) => {
    seen.push(start < 0 ? null : Buffer.from(bytes.subarray(start, end)).toString());
  });
  assert.deepEqual(
    seen,
    values.map((value) => (value === null ? null : Buffer.from(value).toString())),
  );
});

test('batches one after the other decode from any position, also on another thread’s copy', () => {
  const first = new RecordBatchBuilder({ createdAtMs: 1 });
  first.append(null, text.encode('one'));
  const second = new RecordBatchBuilder({ createdAtMs: 2 });
  second.append(null, text.encode('two'));
  second.append(null, text.encode('three'));
  const joined = Buffer.concat([seal(first, 0), seal(second, 1)]);
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(joined);
  const received = (receiveMessageOnPort(port2) as { message: Uint8Array }).message;
  port1.close();
  const batches = decodeBatches(received);
  assert.deepEqual(
    batches.map((batch) => [batch.baseOffset, batch.count]),
    [
      [0, 1],
      [1, 2],
    ],
  );
  assert.equal(RecordBatch.decode(received, batches[0]!.bytes.length).baseOffset, 1);
});

test('a sealed builder refuses more records and a second seal', () => {
  const builder = new RecordBatchBuilder({ createdAtMs: 1 });
  assert.throws(() => seal(builder), /without records/);
  builder.append(null, null);
  seal(builder);
  assert.throws(() => builder.append(null, null), /must not be changed/);
  assert.throws(() => seal(builder), /only once/);
});

test('every cut of a batch is refused; every flipped bit is found but in base offset and leader epoch', () => {
  const builder = new RecordBatchBuilder({ createdAtMs: 1_000 });
  for (let i = 0; i < 3; i++) builder.append(text.encode(`key-${i}`), text.encode(`value-${i}`));
  const whole = new Uint8Array(seal(builder, 9));
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => RecordBatch.decode(whole.subarray(0, length)), invalid);
  }
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = whole.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    try {
      const batch = RecordBatch.decode(damaged);
      const isUnprotected = bit < 8 * 8 || (bit >= 12 * 8 && bit < 16 * 8);
      assert.equal(batch.matchesChecksum(crc32c), isUnprotected, `bit ${bit}`);
      if (isUnprotected) assert.equal(batch.records().length, 3);
    } catch (error) {
      assert.ok(invalid(error), `bit ${bit}: ${String(error)}`);
    }
  }
});

test('records that a valid header promises but that are not there are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 5 }), (garbage, count) => {
      const bytes = new Uint8Array(61 + garbage.length);
      const view = new DataView(bytes.buffer);
      view.setInt32(8, bytes.length - 12);
      bytes[16] = 2;
      view.setInt32(23, Math.max(0, count - 1));
      view.setInt32(57, count);
      bytes.set(garbage, 61);
      try {
        assert.equal(RecordBatch.decode(bytes).records().length, count);
      } catch (error) {
        assert.ok(invalid(error), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
