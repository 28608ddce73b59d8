import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  defineTopology,
  Serdes,
  TopologyTestDriver,
  type TimeWindows,
  Windowed,
  windowedSerde,
} from './index.ts';

interface Hit {
  readonly key: string | null;
  readonly timeMs: number;
}

const anyWindows = fc
  .record({
    sizeMs: fc.integer({ min: 1, max: 40 }),
    graceMs: fc.nat(40),
    advance: fc.integer({ min: 1, max: 40 }),
  })
  .map(({ sizeMs, graceMs, advance }): TimeWindows => ({
    sizeMs,
    graceMs,
    advanceMs: Math.min(advance, sizeMs),
  }));

/** Time goes on, with steps back: ties, out of order, late. */
const anyHits = fc
  .array(
    fc.record({ key: fc.constantFrom('a', 'b', 'c', null), stepMs: fc.integer({ min: -60, max: 30 }) }),
    {
      maxLength: 120,
    },
  )
  .map((steps) => {
    let nowMs = 100;
    return steps.map(({ key, stepMs }): Hit => {
      nowMs += Math.max(0, stepMs);
      return { key, timeMs: Math.max(0, stepMs < 0 ? nowMs + stepMs : nowMs) };
    });
  });

/** Straight from the definition: every window that could hold the record, one after the other. */
function countAll(hits: readonly Hit[], { sizeMs, graceMs, advanceMs = sizeMs }: TimeWindows) {
  const counts = new Map<string, number>();
  let streamTimeMs = -1;
  let late = 0;
  for (const { key, timeMs } of hits) {
    if (key === null) continue;
    streamTimeMs = Math.max(streamTimeMs, timeMs);
    for (let startMs = 0; startMs <= timeMs; startMs += advanceMs) {
      if (timeMs >= startMs + sizeMs) continue;
      const id = `${key}@${startMs}`;
      if (startMs + sizeMs > streamTimeMs - graceMs) counts.set(id, (counts.get(id) ?? 0) + 1);
      else late++;
    }
  }
  return { counts, late };
}

test('counts of tumbling and hopping windows are those of a batch computation', () => {
  fc.assert(
    fc.property(anyWindows, anyHits, (windows, hits) => {
      const topology = defineTopology('app', (builder) => {
        builder
          .stream<string | null, number>('in')
          .groupByKey()
          .windowedBy(windows)
          .count({ store: 'counts', retentionMs: 1e9 })
          .toStream()
          .to('out');
      });
      const driver = new TopologyTestDriver(topology);
      const input = driver.createInputTopic<string, number>('in');
      for (const { key, timeMs } of hits) input.pipe(key, 1, timeMs);
      const expected = countAll(hits, windows);
      const rows = driver.stores.read('counts', { limit: 1e6 });
      assert.deepEqual(
        new Map(rows.map((row) => [`${row.key}@${row.windowStartMs}`, row.value])),
        expected.counts,
      );
      assert.equal(driver.droppedCount('late'), expected.late);
      const updates = driver.createOutputTopic('out', {
        keySerde: windowedSerde(Serdes.string, windows.sizeMs),
      });
      const last = new Map(
        updates.readKeyValues().map(([at, count]) => [`${at?.key}@${at?.startMs}`, count]),
      );
      assert.deepEqual(last, expected.counts);
    }),
    { numRuns: 300 },
  );
});

test('windowed keys are written as Kafka Streams writes them: key bytes, then the start', () => {
  const serde = windowedSerde(Serdes.string, 10);
  const bytes = serde.serialize(new Windowed('né', 1_767_225_600_000, 1_767_225_600_010));
  assert.deepEqual([...bytes], [0x6e, 0xc3, 0xa9, 0, 0, 0x01, 0x9b, 0x76, 0xda, 0xa8, 0]);
  assert.deepEqual(serde.deserialize(bytes), new Windowed('né', 1_767_225_600_000, 1_767_225_600_010));
});
