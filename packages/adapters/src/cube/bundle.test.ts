import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleCubeWorker } from './bundle.ts';

const standIn = fileURLToPath(new URL('stand-ins/native', import.meta.url));
const require = createRequire(import.meta.url);
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-bundle-'));
});

after(() => rm(folder, { recursive: true, force: true }));

test('made once for one state of the sources, anew for another; old ones go', async () => {
  const old = join(folder, 'cube-worker-old.cjs');
  await writeFile(old, '');
  await utimes(old, 0, 0);
  await writeFile(join(folder, 'other.txt'), '');
  await utimes(join(folder, 'other.txt'), 0, 0);
  const cacheFolder = folder;
  const first = await bundleCubeWorker({ cacheFolder });
  const { mtimeMs } = await stat(first);
  assert.equal(await bundleCubeWorker({ cacheFolder }), first);
  assert.equal((await stat(first)).mtimeMs, mtimeMs);
  const copy = join(folder, 'native');
  await cp(standIn, copy, { recursive: true });
  await writeFile(join(copy, 'results.js'), `${await readFile(join(standIn, 'results.js'), 'utf8')}\n`);
  const second = await bundleCubeWorker({ cacheFolder, nativeStandIn: copy });
  assert.notEqual(second, first);
  const files = (await readdir(folder)).filter((name) => name !== 'native').map((name) => join(folder, name));
  assert.deepEqual(files.toSorted(), [first, second, join(folder, 'other.txt')].toSorted());
});

test('holds no way to start processes or look up names', async () => {
  const text = await readFile(await bundleCubeWorker({ cacheFolder: folder }), 'utf8');
  const modules = new Set(
    Array.from(text.matchAll(/\brequire\("(?:node:)?([a-z_/]+)"\)/g), ([, name]) => name),
  );
  // The seal itself replaces members of these; nothing else in the file names them.
  for (const name of ['child_process', 'dns', 'dgram']) {
    const uses = text.split(`require("${name}")`).length + text.split(`require("node:${name}")`).length - 2;
    assert.ok(uses <= 1, `${name}: ${uses}`);
  }
  assert.ok(!modules.has('cluster'));
  assert.ok(!text.includes('track.cube.dev'));
  assert.ok(!text.includes('duckdb.node'));
});

test('the stand-ins are those of the installed version', () => {
  const versionOf = (path: string) => (require(path) as { version: string }).version;
  const installed = versionOf('@cubejs-backend/server-core/package.json');
  for (const name of ['native', 'cubestore']) {
    assert.equal(versionOf(`./stand-ins/${name}/package.json`), installed, name);
  }
});

test('a cache folder that cannot be written is named', async () => {
  await assert.rejects(bundleCubeWorker({ cacheFolder: join(folder, 'other.txt') }), {
    code: 'CUBE_BUNDLE_FAILED',
    message: /other\.txt/,
  });
});
