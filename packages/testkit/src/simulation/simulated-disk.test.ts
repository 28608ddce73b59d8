import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FileSystem, readWhole, seededRandom, writeAtomically } from '@millrace/core/base';
import { SimulatedDisk } from './simulated-disk.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const simulated = (seed = 1, capacityBytes = Infinity) =>
  new SimulatedDisk({ random: seededRandom(seed), capacityBytes });

async function makeDurable(disk: SimulatedDisk): Promise<FileSystem> {
  const files = disk.mount();
  await files.makeFolder('/data');
  await files.syncFolder('');
  const file = await files.open('/data/file', { create: true });
  await file.write(new Uint8Array(2_000).fill(1), 0);
  await file.sync();
  await files.syncFolder('/data');
  await file.close();
  return files;
}

test('what was synced survives every power failure; what was not is torn at sectors, in every way', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = simulated(seed);
    const files = await makeDurable(disk);
    const file = await files.open('/data/file');
    await file.write(new Uint8Array(1_000).fill(2), 1_000);
    await file.write(new Uint8Array(1_000).fill(3), 2_000);
    disk.crash('power');
    const contents = (await readWhole(disk.mount(), '/data/file'))!;
    assert.ok(contents.length === 2_000 || contents.length === 3_000, `seed ${seed}`);
    assert.ok(
      contents.subarray(0, 1_000).every((byte) => byte === 1),
      `seed ${seed}`,
    );
    assert.ok(contents.subarray(1_000, 1_024).every((byte) => byte === contents[1_000]));
    outcomes.add(
      `${contents.length}: ${contents[1_000]} ${contents[1_024]} ${contents[2_100]} ${contents[2_999]}`,
    );
  }
  for (const expected of [
    '2000: 1 1 undefined undefined',
    '2000: 2 1 undefined undefined',
    '3000: 2 2 3 3',
  ]) {
    assert.ok(outcomes.has(expected), `${expected} is among ${[...outcomes].join(', ')}`);
  }
});

test('a killed process loses nothing that it wrote, and its operations never end', async () => {
  const disk = simulated();
  const files = await makeDurable(disk);
  const file = await files.open('/data/file');
  await file.write(bytes('abc'), 0);
  const release = await files.lock('/data/lock');
  await assert.rejects(files.lock('/data/lock'), { code: 'ELOCKED' });
  disk.crash('process');
  let ended = false;
  void file.write(bytes('xyz'), 0).then(() => (ended = true));
  assert.equal(Buffer.from((await readWhole(disk.mount(), '/data/file'))!.subarray(0, 3)).toString(), 'abc');
  const releaseAgain = await disk.mount().lock('/data/lock');
  await releaseAgain();
  void release().then(() => (ended = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false);
});

test('a file that was made but whose folder was not synced may be gone; a replaced one is old or new', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const disk = simulated(seed);
    const files = await makeDurable(disk);
    await (await files.open('/data/fresh', { create: true })).sync();
    await files.rename('/data/fresh', '/data/renamed');
    disk.crash('power');
    seen.add((await disk.mount().list('/data')).join(' '));
  }
  assert.deepEqual([...seen].toSorted(), ['file', 'file fresh', 'file renamed']);
  for (let seed = 0; seed < 60; seed++) {
    const disk = simulated(seed);
    const files = await makeDurable(disk);
    await writeAtomically(files, '/data/file', bytes('one'));
    disk.crashAtStep = disk.steps + 1 + (seed % 6);
    await Promise.race([writeAtomically(files, '/data/file', bytes('two')), disk.crashed]);
    const contents = Buffer.from((await readWhole(disk.mount(), '/data/file'))!).toString();
    assert.ok(contents === 'one' || contents === 'two', contents);
  }
});

test('a full disk takes part of a write and says ENOSPC; injected faults fail as often as asked', async () => {
  const disk = simulated(1, 5_000);
  const files = await makeDurable(disk);
  const file = await files.open('/data/file');
  await file.write(new Uint8Array(3_000), 2_000);
  await assert.rejects(file.write(new Uint8Array(1_000), 4_500), { code: 'ENOSPC' });
  assert.ok((await file.size()) <= 5_000);
  disk.capacityBytes = 6_000;
  await file.write(new Uint8Array(1_000), 4_500);
  disk.inject({ operation: 'sync', path: /file$/, code: 'EIO', times: 2 });
  await assert.rejects(file.sync(), { code: 'EIO' });
  await assert.rejects(file.sync(), { code: 'EIO' });
  await file.sync();
});

test('the same seed gives the same run', async () => {
  const run = async () => {
    const disk = simulated(42);
    const files = await makeDurable(disk);
    const file = await files.open('/data/file');
    await Promise.all([
      file.write(bytes('one'), 0),
      file.write(bytes('two'), 0),
      file.write(bytes('three'), 1),
    ]);
    disk.crash('power');
    return disk.contents('/data/file');
  };
  assert.deepEqual(await run(), await run());
});
