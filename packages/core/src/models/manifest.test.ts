import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeManifest } from '@millrace/testkit/models';
import { isMillraceError } from '../base/index.ts';
import { buildGraph } from './graph.ts';
import { parseManifest, readManifest } from './manifest.ts';

const storefront = join(import.meta.dirname, '../../../../examples/storefront/models/compiled/manifest.json');

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(isMillraceError(error));
    return `${error.code}: ${error.message}`;
  }
  return assert.fail('nothing was refused');
}

test('the manifest that the storefront ships', async () => {
  const manifest = parseManifest(await readFile(storefront, 'utf8'));
  const staged = manifest.models.find(({ name }) => name === 'stg_events');
  assert.deepEqual(staged?.relation, { catalog: 'millrace', schema: 'staging', name: 'stg_events' });
  assert.deepEqual(staged?.uniqueKey, ['event_id']);
  assert.ok(staged?.live.local);
  assert.ok(staged?.incrementalSql?.includes('event_id in ('));
  assert.ok(
    !staged?.sql?.includes('event_id in ('),
    'the full-refresh variant has no filter of the last run',
  );
  const source = manifest.sources.find(({ name }) => name === 'raw_events');
  assert.deepEqual(source?.live.uniqueBy, ['event_id']);
  assert.equal(manifest.sources.find(({ live }) => live.asOf)?.name, 'as_of');
  assert.match(manifest.filesChecksum ?? '', /^[0-9a-f]{64}$/);
});

test('parents come before children, whatever the order in the file', () => {
  const models = {
    c: { sql: 'select * from marts.b join marts.a' },
    a: { sql: 'select * from raw.events' },
    b: { sql: 'select * from marts.a' },
  };
  const graph = buildGraph(writeManifest(models, { events: {} }));
  assert.deepEqual(
    graph.ordered.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(
    graph.descendantsOf('model.w.a').map(({ name }) => name),
    ['b', 'c'],
  );
});

test('what an inlined model reads is read by those that read it', () => {
  const models = {
    a: { sql: 'select * from raw.events' },
    inner: { sql: 'select * from marts.a', materialized: 'ephemeral' as const },
    outer: { sql: 'select * from marts.inner' },
  };
  const manifest = writeManifest(models, { events: {} });
  const outer = manifest.models.find(({ name }) => name === 'outer');
  assert.ok(outer);
  const parents = buildGraph(manifest).parentsOf(outer);
  assert.deepEqual(
    parents.map(({ node }) => node.name),
    ['a'],
  );
});

test('what cannot be read is named', () => {
  assert.match(
    refusal(() => parseManifest('{')),
    /MODELS_MANIFEST_INVALID: The manifest is not JSON/,
  );
  assert.match(
    refusal(() => readManifest({})),
    /metadata is not an object/,
  );
  const model = (live: unknown) =>
    writeManifest({ m: { sql: 'select 1', live: live as Record<string, unknown> } }, {});
  assert.match(
    refusal(() => model({ grains: ['a'] })),
    /has no field 'grains'; there are local, whole, grain, keys_from/,
  );
  assert.match(
    refusal(() => model({ local: 'yes' })),
    /local is neither true nor false/,
  );
  assert.match(
    refusal(() => model({ keys_from: { a: { b: 1 } } })),
    /keys_from\.a\.b is not text/,
  );
  const circle = { a: { sql: 'select * from marts.b' }, b: { sql: 'select * from marts.a' } };
  assert.match(
    refusal(() => buildGraph(writeManifest(circle, {}))),
    /MODELS_CYCLE.*model\.w\.a → model\.w\.b/,
  );
  const orphan = { a: { sql: 'select * from marts.gone' } };
  assert.match(
    refusal(() => buildGraph(writeManifest(orphan, {}))),
    /depends on model\.w\.gone, which the manifest/,
  );
});

test('a model without SQL must be compiled', () => {
  const node = {
    unique_id: 'model.w.m',
    resource_type: 'model',
    name: 'm',
    database: 'millrace',
    schema: 'marts',
    config: { materialized: 'table' },
    depends_on: { nodes: [] },
  };
  const manifest = (more: object) => ({
    metadata: { project_name: 'w' },
    nodes: { m: { ...node, ...more } },
    sources: {},
  });
  assert.match(
    refusal(() => readManifest(manifest({}))),
    /model\.w\.m is not compiled/,
  );
  assert.equal(readManifest(manifest({ language: 'python' })).models[0]?.sql, undefined);
});
