import assert from 'node:assert/strict';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../../../..');
const OWN_FOLDER = 'packages/adapters/src/duckdb';

/** Folders that hold a copy of the package, wherever npm put them. */
async function copiesOf(name: string, folder: string): Promise<string[]> {
  const copies: string[] = [];
  const modules = join(folder, 'node_modules');
  const entries = await readdir(modules, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(modules, entry.name);
    const inScope = entry.name.startsWith('@')
      ? (await readdir(path)).map((child) => join(path, child))
      : [path];
    for (const child of inScope) {
      if (relative(modules, child).split(sep).join('/') === name) copies.push(await realpath(child));
      copies.push(...(await copiesOf(name, child)));
    }
  }
  return copies;
}

async function sourceFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs|js)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes(`${sep}node_modules${sep}`));
}

test('one copy of DuckDB is installed: a second one in the same process would lose rows', async () => {
  const folders = [ROOT];
  for (const entry of await readdir(join(ROOT, 'packages'))) folders.push(join(ROOT, 'packages', entry));
  for (const name of ['@duckdb/node-api', '@duckdb/node-bindings']) {
    const copies = new Set((await Promise.all(folders.map((folder) => copiesOf(name, folder)))).flat());
    assert.equal(copies.size, 1, `${name}: ${[...copies].join(', ') || 'not found'}`);
  }
});

test('the lockfile knows one version of it', async () => {
  const lockfile = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  const places = Object.keys(lockfile.packages).filter((path) =>
    path.endsWith('node_modules/@duckdb/node-api'),
  );
  assert.deepEqual(places, ['node_modules/@duckdb/node-api']);
});

/** Tests may open databases of their own, in memory. */
function isTest(path: string): boolean {
  return /(^|\/)(test-[^/]*|[^/]*\.test)\.ts$/.test(path) || path.startsWith('packages/testkit/');
}

test('only this folder imports it, and only one of its files opens the warehouse', async () => {
  const folders = ['packages', 'scripts', 'bench', 'examples'].map((name) => sourceFiles(join(ROOT, name)));
  const files = (await Promise.all(folders)).flat();
  assert.ok(files.length > 100, `${files.length} files seen`);
  const importers: string[] = [];
  const openers: string[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8');
    const path = relative(ROOT, file).split(sep).join('/');
    if (isTest(path)) continue;
    if (/(from|import|require)\s*\(?\s*['"]@duckdb\//.test(text)) importers.push(path);
    if (/DuckDBInstance\s*\.\s*(create|fromCache)/.test(text)) openers.push(path);
  }
  assert.deepEqual(
    importers.filter((path) => !path.startsWith(OWN_FOLDER)),
    [],
  );
  // `data-file.ts` opens nothing but memory.
  assert.deepEqual(
    openers.toSorted(),
    ['data-file.ts', 'database.ts'].map((name) => `${OWN_FOLDER}/${name}`),
  );
});
