import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readWhole, writeAtomically } from '@millrace/core/base';
import { crc32c } from '@millrace/core/log';
import { checksum } from './checksum.ts';
import { nodeFileSystem as files } from './file-system.ts';
import { isAlive, thisProcess } from './process-identity.ts';

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-disk-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const isLocked = (pid: number) => (error: Error & { code?: string; pid?: number }) =>
  error.code === 'ELOCKED' && error.pid === pid;

test('the native checksum equals the portable one', () => {
  const bytes = new Uint8Array(1000);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = i * 7;
    const part = bytes.subarray(i % 13, i);
    assert.equal(checksum(part), crc32c(part));
  }
});

test('a file keeps what is written at any position, and its size', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'file');
  await assert.rejects(files.open(path), { code: 'ENOENT' });
  const file = await files.open(path, { create: true });
  await file.write(Buffer.from('world'), 6);
  await file.write(Buffer.from('hello '), 0);
  await file.sync();
  assert.equal(await file.size(), 11);
  const target = new Uint8Array(20);
  assert.equal(await file.read(target, { targetOffset: 2, length: 18, position: 4 }), 7);
  assert.equal(Buffer.from(target.subarray(2, 9)).toString(), 'o world');
  await file.truncate(5);
  await file.close();
  assert.equal(Buffer.from((await readWhole(files, path))!).toString(), 'hello');
});

test('folders are listed in order, renamed over and removed', async (t) => {
  const folder = await folderFor(t);
  assert.deepEqual(await files.list(join(folder, 'absent')), []);
  await files.makeFolder(join(folder, 'a/b'));
  await writeAtomically(files, join(folder, 'a/z'), Buffer.from('1'));
  await writeAtomically(files, join(folder, 'a/z'), Buffer.from('2'));
  assert.deepEqual(await files.list(join(folder, 'a')), ['b', 'z']);
  assert.equal(Buffer.from((await readWhole(files, join(folder, 'a/z')))!).toString(), '2');
  await files.remove(join(folder, 'a/z'));
  await files.remove(join(folder, 'a/z'));
  assert.equal(await files.exists(join(folder, 'a/z')), false);
  await files.removeFolder(join(folder, 'a'));
  assert.deepEqual(await files.list(folder), []);
});

test('a lock has one holder in this process, and can be taken again after its release', async (t) => {
  const path = join(await folderFor(t), 'lock');
  const release = await files.lock(path);
  await assert.rejects(files.lock(path), isLocked(process.pid));
  await release();
  await (
    await files.lock(path)
  )();
  assert.equal(await files.exists(path), false);
});

test('a lock of a living process is refused with its id; of a dead one it is taken over', async (t) => {
  const path = join(await folderFor(t), 'lock');
  const program = `
    import { nodeFileSystem } from ${JSON.stringify(new URL('./file-system.ts', import.meta.url).href)};
    await nodeFileSystem.lock(${JSON.stringify(path)});
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await assert.rejects(files.lock(path), isLocked(child.pid!));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const attempts = await Promise.allSettled([files.lock(path), files.lock(path)]);
  assert.deepEqual(attempts.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

test('a lock that an earlier process with our id left is taken over, as is a file that is no lock', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'lock');
  const earlier = { pid: process.pid, startedAt: 'another boot/1', nonce: 'x' };
  await writeFile(path, JSON.stringify(earlier));
  if (thisProcess().startedAt === '') return t.skip('needs /proc to tell processes with the same id apart');
  await (
    await files.lock(path)
  )();
  await writeFile(path, 'garbage');
  await (
    await files.lock(path)
  )();
  assert.deepEqual(await readdir(folder), []);
  assert.equal(isAlive(thisProcess()), true);
});
