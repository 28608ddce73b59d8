import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimeOrderedEntries } from './time-ordered-entries.ts';

test('a walk over the entries sees each that stays, whatever is deleted and added meanwhile', () => {
  const entries = new TimeOrderedEntries();
  for (const startMs of [30, 10, 20]) entries.entry('a', 'a', startMs);
  const seen: number[] = [];
  for (const entry of entries.values()) {
    seen.push(entry.windowStartMs);
    if (entry.windowStartMs === 10) entries.delete(entry);
    if (entry.windowStartMs === 20) entries.entry('a', 'a', 5);
  }
  assert.deepEqual(seen, [10, 20, 30]);
  const startsMs = entries.of('a').map(({ windowStartMs }) => windowStartMs);
  assert.deepEqual(startsMs, [5, 20, 30]);
  assert.equal(entries.size, 3);
});
