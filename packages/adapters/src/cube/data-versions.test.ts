import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TableVersions } from '@millrace/core/warehouse';
import { DataVersions } from './data-versions.ts';

test('a change of one of the relations changes the version, a change elsewhere does not', () => {
  const tables = new TableVersions(['marts.a', 'marts.b', 'marts.c']);
  const versions = new DataVersions(tables);
  const seen = new Set([versions.of(new Set(['marts.a', 'marts.b']))]);
  for (const table of ['marts.a', 'marts.b', 'marts.a']) {
    tables.bump(table);
    seen.add(versions.of(new Set(['marts.a', 'marts.b'])));
  }
  assert.equal(seen.size, 4);
  tables.bump('marts.c');
  assert.ok(seen.has(versions.of(new Set(['marts.a', 'marts.b']))));
});

test('a relation without a version of its own changes with anything', () => {
  const tables = new TableVersions(['raw.a'], { capacity: 2 });
  const versions = new DataVersions(tables);
  const view = new Set(['staging.view']);
  const seen = new Set([versions.of(view)]);
  tables.bump('raw.a');
  assert.equal(seen.add(versions.of(view)).size, 2);
  tables.bump('raw.b');
  assert.equal(seen.add(versions.of(view)).size, 3);
  // The third relation is beyond the capacity and raises what such relations share.
  tables.bump('raw.c');
  assert.equal(seen.add(versions.of(view)).size, 4);
  assert.equal(versions.of(undefined), versions.of(view));
});

test('getting a version of its own counts as a change', () => {
  const tables = new TableVersions(['raw.a']);
  const versions = new DataVersions(tables);
  tables.bump('raw.a');
  const before = versions.of(new Set(['marts.new']));
  tables.bump('marts.new');
  assert.notEqual(versions.of(new Set(['marts.new'])), before);
});
