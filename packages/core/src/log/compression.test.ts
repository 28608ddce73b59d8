import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { append, batchOf, readValues, rejection, testCodecs, valueOf } from '@millrace/testkit/log';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { VirtualClock } from '@millrace/testkit/clock';
import { seededRandom, silentLogger, silentMeter } from '../base/index.ts';
import { crc32c } from './checksum.ts';
import type { CompressionCodecs } from './compression.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import type { EventLog } from './port.ts';
import { decodeBatches, RecordBatch } from './record-batch.ts';

const FOLDER = '/data/log';
const SEGMENT = `${FOLDER}/segments/events-0/00000000000000000000.log`;
const seal = { baseOffset: 40, appendedAtMs: 9, checksum: crc32c };

function open(disk: SimulatedDisk, codecs?: CompressionCodecs): Promise<EventLog> {
  return openEmbeddedLog({
    folder: FOLDER,
    files: disk.mount(),
    clock: new VirtualClock(),
    meter: silentMeter,
    logger: silentLogger,
    ...(codecs === undefined ? {} : { codecs }),
  });
}

function builderOf(values: readonly string[], compression: 'gzip' | 'zstd') {
  const builder = batchOf(values);
  builder.compress(compression, testCodecs[compression]!);
  return builder;
}

test('[LE10] any records come back from a compressed batch, which is what the attributes say', () => {
  const values = fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(values, fc.constantFrom('gzip', 'zstd'), (texts, compression) => {
      const plain = batchOf(texts).seal(seal);
      const builder = builderOf(texts, compression);
      const { storedLength } = builder;
      const stored = builder.seal(seal);
      assert.equal(stored.length, storedLength);
      assert.ok(stored.length <= plain.length);
      const batch = RecordBatch.decode(stored, 0, testCodecs);
      assert.ok(batch.matchesChecksum(crc32c));
      assert.equal(batch.compression, stored.length < plain.length ? compression : 'none');
      assert.deepEqual(batch.records().map(valueOf), texts);
      assert.deepEqual(
        [batch.baseOffset, batch.lastOffset, batch.count],
        [40, 39 + texts.length, texts.length],
      );
      // Other threads need no codec for it; it differs from the plain batch in the CRC only.
      assert.deepEqual(decodeBatches(batch.bytes)[0]!.records().map(valueOf), texts);
      assert.deepEqual(batch.bytes.subarray(21), plain.subarray(21));
      assert.deepEqual(batch.bytes, builder.uncompressedBytes);
    }),
  );
});

test('[LE10] what would not shrink is stored as it is', () => {
  const noise = seededRandom(3);
  const value = Array.from({ length: 400 }, () => String.fromCharCode(33 + noise.next() * 90)).join('');
  const builder = builderOf(['x'], 'zstd');
  assert.deepEqual(builder.seal(seal), batchOf(['x']).seal(seal));
  assert.equal(RecordBatch.decode(builderOf([value.repeat(9)], 'gzip').seal(seal)).compression, 'gzip');
});

test('[LE10] segments hold the compressed bytes, and readers from the disk and from memory agree', async () => {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const log = await open(disk, testCodecs);
  await log.createTopic('events', { partitions: 1, compression: 'zstd' });
  const values = Array.from({ length: 200 }, (_, i) => `user-${i % 7}:${'abc'.repeat(20)} ${i}`);
  for (let i = 0; i < values.length; i += 50) await append(log, ['events', 0], values.slice(i, i + 50));
  assert.deepEqual(await readValues(log, ['events', 0]), values);
  await log.close();
  const stored = decodeBatches(disk.contents(SEGMENT), testCodecs);
  assert.deepEqual(
    stored.map(({ compression, count }) => [compression, count]),
    Array.from({ length: 4 }, () => ['zstd', 50]),
  );
  assert.ok(disk.contents(SEGMENT).length * 5 < values.join('').length);
  disk.crash('process');
  const again = await open(disk, testCodecs);
  assert.deepEqual(await readValues(again, ['events', 0]), values);
  await again.close();
});

test('[LE10] without the codec nothing is compressed and nothing is misread', async () => {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const log = await open(disk, testCodecs);
  await log.createTopic('events', { partitions: 1, compression: 'zstd' });
  const values = Array.from({ length: 50 }, (_, i) => `value ${i} ${'.'.repeat(50)}`);
  await append(log, ['events', 0], values);
  await log.close();
  disk.crash('process');
  const poor = await open(disk);
  await rejection(append(poor, ['events', 0], ['more']), 'LOG_UNSUPPORTED_COMPRESSION');
  const gzip = poor.createTopic('other', { partitions: 1, compression: 'gzip' });
  await rejection(gzip, 'LOG_UNSUPPORTED_COMPRESSION');
  assert.equal(poor.describe('other'), undefined);
  await rejection(readValues(poor, ['events', 0]), 'LOG_UNSUPPORTED_COMPRESSION');
  // The setting can be changed, and what comes then needs no codec.
  await poor.createTopic('events', { partitions: 1 });
  assert.equal(await append(poor, ['events', 0], ['more']), 50);
  assert.deepEqual(await readValues(poor, ['events', 0], { offset: 50 }), ['more']);
  await poor.close();
});

test('bytes that do not decompress are refused, with the reason', async () => {
  const stored = builderOf(['.'.repeat(500)], 'zstd').seal(seal);
  assert.deepEqual(stored.subarray(61, 65), zstdCompressSync('x').subarray(0, 4));
  stored[61]! ^= 1;
  const batch = RecordBatch.decode(stored, 0, testCodecs);
  await rejection((async () => batch.records())(), 'LOG_INVALID_BATCH');
});
