import assert from 'node:assert/strict';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compiledManifestPath, compileModels, findDbt, manifestStaleness, runDbt } from './index.ts';
import { trimManifest } from './trim-manifest.ts';

const projectFolder = join(import.meta.dirname, '../../../../examples/storefront/models');
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-dbt-'));
});
after(async () => rm(folder, { recursive: true, force: true }));

async function projectCopy(name: string): Promise<string> {
  const copy = join(folder, name);
  await cp(projectFolder, copy, { recursive: true });
  return copy;
}

test('the manifest that the storefront ships is not older than its models', async () => {
  assert.deepEqual(await manifestStaleness(projectFolder), { stale: false, warning: undefined });
});

test('a model that changed, came or went makes the manifest stale; generated files and line ends do not', async () => {
  const copy = await projectCopy('stale');
  const model = join(copy, 'marts/fct_hourly.sql');
  const text = await readFile(model, 'utf8');
  await writeFile(model, text.replaceAll('\n', '\r\n'));
  await mkdir(join(copy, 'target'));
  await writeFile(join(copy, 'target/manifest.json'), '{}');
  await writeFile(join(copy, 'target/model.sql'), 'select 1');
  assert.equal((await manifestStaleness(copy)).stale, false);
  await writeFile(model, `${text}\n-- more`);
  const { stale, warning } = await manifestStaleness(copy);
  assert.ok(stale);
  assert.match(warning ?? '', /changed after they were compiled: run `npx millrace compile`/);
  await writeFile(model, text);
  await writeFile(join(copy, 'marts/fct_new.sql'), 'select 1 as one');
  assert.ok((await manifestStaleness(copy)).stale);
  await rm(join(copy, 'marts/fct_new.sql'));
  assert.equal((await manifestStaleness(copy)).stale, false);
});

test('a manifest that is missing or broken is stale, and the warning says how to compile', async () => {
  const copy = await projectCopy('missing');
  await writeFile(compiledManifestPath(copy), '{');
  assert.match(
    (await manifestStaleness(copy)).warning ?? '',
    /manifest\.json cannot be read .*millrace compile/,
  );
  await rm(compiledManifestPath(copy));
  assert.match(
    (await manifestStaleness(copy)).warning ?? '',
    /manifest\.json is missing: run `npx millrace compile`/,
  );
});

test('a manifest that dbt wrote itself is believed', async () => {
  const copy = await projectCopy('own');
  await writeFile(compiledManifestPath(copy), JSON.stringify({ metadata: { project_name: 'own' } }));
  assert.equal((await manifestStaleness(copy)).stale, false);
});

test('dbt is taken from where it is named, else from PATH, and only with its Python', async () => {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const empty = { MILLRACE_ENGINES: join(folder, 'none'), PATH: bin };
  assert.equal(await findDbt(empty), undefined);
  const dbt = join(bin, 'dbt');
  await writeFile(dbt, '#!/bin/sh\n');
  await chmod(dbt, 0o755);
  assert.equal(await findDbt(empty), undefined, 'no interpreter beside it');
  await writeFile(join(bin, 'python3'), '#!/bin/sh\n');
  await chmod(join(bin, 'python3'), 0o755);
  assert.deepEqual(await findDbt(empty), { dbt, python: join(bin, 'python3') });
  assert.deepEqual(await findDbt({ ...empty, PATH: '', MILLRACE_DBT: dbt }), {
    dbt,
    python: join(bin, 'python3'),
  });
});

test('a process that fails is told with its last lines; a folder without a project before anything runs', async () => {
  const bin = join(folder, 'failing');
  await mkdir(bin);
  for (const name of ['dbt', 'python']) {
    await writeFile(join(bin, name), '#!/bin/sh\necho "the first line"\necho "what is wrong" >&2\nexit 2\n');
    await chmod(join(bin, name), 0o755);
  }
  const command = { dbt: join(bin, 'dbt'), python: join(bin, 'python') };
  const options = { command, projectFolder, warehouseFile: join(folder, 'w.duckdb'), targetFolder: folder };
  await assert.rejects(runDbt(['build'], options), {
    code: 'DBT_FAILED',
    message: /dbt build ended with 2:.*what is wrong/s,
  });
  await assert.rejects(compileModels({ projectFolder, tables: [], command }), { code: 'DBT_FAILED' });
  await assert.rejects(runDbt(['build'], { ...options, projectFolder: folder }), { code: 'DBT_NO_PROJECT' });
});

test('what is written depends on the models alone', () => {
  const node = (meta: object) => ({
    unique_id: 'model.p.m',
    resource_type: 'model',
    name: 'm',
    config: { materialized: 'incremental', meta },
    depends_on: { nodes: ['source.p.raw.e'] },
    compiled_code: 'select 1',
    created_at: Math.random(),
    compiled_path: `/somewhere/${Math.random()}`,
  });
  const manifest = (meta: object) => ({
    metadata: { project_name: 'p', generated_at: String(Math.random()) },
    nodes: { 'test.p.t': { resource_type: 'test' }, 'model.p.m': node(meta) },
    sources: {},
  });
  const incremental = manifest({});
  const options = { filesChecksum: 'c', incremental };
  const [a, b] = [manifest({ x: 1, y: { p: 1, q: [2] } }), manifest({ y: { q: [2], p: 1 }, x: 1 })];
  const text = trimManifest(a, options);
  assert.equal(text, trimManifest(b, options));
  const written = JSON.parse(text) as { nodes: Record<string, { compiled_code_incremental?: string }> };
  assert.deepEqual(Object.keys(written.nodes), ['model.p.m']);
  assert.equal(written.nodes['model.p.m']?.compiled_code_incremental, 'select 1');
});
