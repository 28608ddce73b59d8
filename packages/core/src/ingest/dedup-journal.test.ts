import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { seededRandom } from '../base/index.ts';
import { decodeBlocks, DedupJournal, type JournalBlock } from './dedup-journal.ts';

const PATH = '/dedup/journal-1';

const blocks: readonly JournalBlock[] = [
  { positions: [], groups: [] },
  {
    positions: [5, 2 ** 33 + 1],
    groups: [{ sequence: 1, sinceMs: 1_767_225_600_123, hashes: new Uint32Array([1, 2, 3, 4]) }],
  },
  {
    positions: [6, 2 ** 33 + 9, 0],
    groups: [
      { sequence: 1, sinceMs: 1_767_225_600_123, hashes: new Uint32Array([5, 6, 7, 0xffffffff, 9, 9, 9, 9]) },
      { sequence: 2, sinceMs: 1_767_229_200_000, hashes: new Uint32Array(0) },
    ],
  },
];

async function written(): Promise<Uint8Array> {
  const disk = new SimulatedDisk({ random: seededRandom(1) });
  const files = disk.mount();
  await files.makeFolder('/dedup');
  const journal = await DedupJournal.create(files, PATH, blocks[0]!);
  for (const block of blocks.slice(1)) await journal.append(block);
  await journal.close();
  return disk.contents(PATH);
}

test('a journal gives back its blocks', async () => {
  assert.deepEqual(decodeBlocks(await written()), blocks);
});

test('a journal that is cut anywhere gives back the whole blocks before the cut', async () => {
  const bytes = await written();
  const counts = new Set<number>();
  for (let length = 0; length <= bytes.length; length++) {
    const decoded = decodeBlocks(bytes.subarray(0, length));
    assert.deepEqual(decoded, blocks.slice(0, decoded.length));
    counts.add(decoded.length);
  }
  assert.deepEqual([...counts], [0, 1, 2, 3]);
});

test('no changed bit goes unseen', async () => {
  const bytes = await written();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    const decoded = decodeBlocks(damaged);
    assert.ok(decoded.length < blocks.length, `bit ${bit}`);
    assert.deepEqual(decoded, blocks.slice(0, decoded.length));
  }
});
