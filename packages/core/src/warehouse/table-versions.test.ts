import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { TableVersions } from './table-versions.ts';

test('versions start at 0 and rise one relation at a time', () => {
  const versions = new TableVersions(['raw.a', 'raw.b']);
  versions.bump('raw.a');
  versions.bump('raw.a');
  assert.deepEqual(
    [...versions.all()],
    [
      ['raw.a', 2],
      ['raw.b', 0],
    ],
  );
  assert.equal(versions.read('raw.a'), 2);
  versions.add('raw.a');
  assert.equal(versions.read('raw.a'), 2);
});

test('both ends of the memory see versions and names that were added later', () => {
  const owner = new TableVersions(['raw.a']);
  const reader = TableVersions.from(owner.share());
  assert.equal(reader.read('marts.späť'), 0);
  owner.bump('marts.späť');
  assert.equal(reader.read('marts.späť'), 1);
  assert.equal(reader.read('raw.a'), 0);
  assert.deepEqual([...reader.all().keys()], ['raw.a', 'marts.späť']);
});

test('another thread reads what this one raises', async () => {
  const owner = new TableVersions(['raw.a']);
  const code = `
    import { workerData, parentPort } from 'node:worker_threads';
    const { TableVersions } = await import(workerData.module);
    const versions = TableVersions.from(workerData.memory);
    parentPort.once('message', (table) => parentPort.postMessage(versions.read(table)));
    parentPort.postMessage('ready');`;
  const workerData = { memory: owner.share(), module: new URL('./table-versions.ts', import.meta.url).href };
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData });
  await once(worker, 'message');
  owner.bump('raw.a');
  owner.bump('raw.b');
  owner.bump('raw.b');
  worker.postMessage('raw.b');
  assert.deepEqual(await once(worker, 'message'), [2]);
  await worker.terminate();
});

test('beyond the capacity a change of one counts as a change of all of them, never as none', () => {
  const owner = new TableVersions(['raw.a'], { capacity: 2 });
  const reader = TableVersions.from(owner.share());
  const long = `raw.${'x'.repeat(200)}`;
  for (const table of ['raw.b', 'raw.c', long]) {
    const before = { own: reader.read(table), a: reader.read('raw.a') };
    owner.bump(table);
    assert.notEqual(reader.read(table), before.own, table);
    assert.equal(reader.read('raw.a'), before.a);
  }
  const before = reader.read('raw.d');
  owner.bump('raw.c');
  assert.equal(reader.read('raw.b'), 1);
  assert.notEqual(reader.read('raw.d'), before);
});
