import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionFor, StickyPartitioner } from './partitioner.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('partitionFor is never negative and stays below the number of partitions', () => {
  for (let i = 0; i < 1000; i++) {
    const partition = partitionFor(bytes(`user-${i}`), 7);
    assert.ok(partition >= 0 && partition < 7);
  }
  assert.equal(partitionFor(bytes('21'), 12), (-973932308 & 0x7fffffff) % 12);
});

test('batches without a key take the partitions in turn, also when there come to be more or fewer', () => {
  const partitioner = new StickyPartitioner();
  const next = (partitions: number) => partitioner.next(partitions);
  assert.deepEqual([next(3), next(3), next(3), next(3)], [0, 1, 2, 0]);
  assert.deepEqual([next(5), next(5), next(5), next(5), next(5)], [1, 2, 3, 4, 0]);
  assert.deepEqual([next(1), next(1), next(2)], [0, 0, 1]);
});
