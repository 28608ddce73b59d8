import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { TimeSlice } from './time-slice.ts';

test('a slice is over after 8 ms, and begins anew once others had their turn', async () => {
  const clock = new VirtualClock();
  const slice = new TimeSlice(clock);
  await clock.advance(7);
  assert.equal(slice.isOver, false);
  await clock.advance(1);
  assert.equal(slice.isOver, true);
  const resumed = slice.yield();
  await clock.advance(5);
  await resumed;
  assert.equal(slice.isOver, false);
});

test('work that is cut into slices ends soon after its abortion', async () => {
  const clock = new VirtualClock();
  const closing = new AbortController();
  const slice = new TimeSlice(clock, closing.signal);
  closing.abort();
  const resumed = assert.rejects(slice.yield(), { code: 'STREAMS_CLOSING', kind: 'aborted' });
  await clock.advance(0);
  await resumed;
});
