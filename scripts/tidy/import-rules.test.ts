import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deadFiles, deepCrossings, importCycles, missingTargets, wrongDirections } from './import-rules.ts';
import { coreDirections, mayImport, roomOf } from './rooms.ts';
import { type Tree, treeOf } from './tree.ts';

/** A tree from `path: text` lines. */
function tree(files: Readonly<Record<string, string>>): Tree {
  return treeOf(Object.entries(files));
}

describe('rooms', () => {
  test('a path tells its room', () => {
    const rooms = [
      'packages/core/src/log/store/segment.ts',
      'packages/adapters/src/duckdb/index.ts',
      'packages/server/src/main.ts',
      'packages/server/src/cli/start.ts',
      'packages/server/bin/millrace.mjs',
      'packages/web/src/tiles/line.tsx',
      'packages/web/vite.config.ts',
      'examples/storefront/events/order.ts',
      'scripts/tidy/rooms.ts',
    ].map((path) => roomOf(path).name);
    assert.deepEqual(rooms, [
      'core/log',
      'adapters/duckdb',
      'server',
      'server/cli',
      'server/bin',
      'web',
      'web',
      'examples/storefront',
      'scripts',
    ]);
  });

  test("core's directions have no circle", () => {
    const order = Object.keys(coreDirections);
    for (const [room, targets] of Object.entries(coreDirections)) {
      for (const target of targets) {
        assert.ok(!coreDirections[target]?.includes(room), `${room} and ${target} import each other`);
        assert.ok(order.includes(target), `${target} is a room`);
      }
    }
  });

  const source = { isTest: false, isType: false };
  const cases: readonly (readonly [from: string, to: string, allowed: boolean])[] = [
    ['core/log', 'core/base', true],
    ['core/base', 'core/log', false],
    ['core/ingest', 'core/streams', false],
    ['core/live', 'core/semantic', true],
    ['core/observe', 'core/contract', false],
    ['core/log', 'adapters/duckdb', false],
    ['core/unheard-of', 'core/base', false],
    ['adapters/duckdb', 'core/warehouse', true],
    ['adapters/cube', 'adapters/duckdb', false],
    ['adapters/cube', 'server/http', false],
    ['server/cli', 'adapters/duckdb', true],
    ['server/cli', 'testkit/load', false],
    ['server/wire', 'core/live', false],
    ['web', 'server/wire', true],
    ['web', 'server/http', false],
    ['web', 'core/base', false],
    ['client', 'core/base', false],
  ];
  for (const [from, to, allowed] of cases) {
    test(`${from} ${allowed ? 'may' : 'must not'} import ${to}`, () => {
      assert.equal(mayImport({ from, to, ...source }), allowed);
    });
  }

  test('only tests import the testkit, and the wire takes only types from core', () => {
    assert.equal(mayImport({ from: 'core/log', to: 'testkit/clock', isTest: true, isType: false }), true);
    assert.equal(mayImport({ from: 'server/wire', to: 'core/live', isTest: false, isType: true }), true);
  });
});

test('finds imports that lead nowhere', () => {
  const found = missingTargets(
    tree({
      'packages/core/src/log/a.ts': `import './gone.ts';\nimport '@millrace/core/gone';\nimport 'typebox';\nimport 'node:fs';`,
      'packages/web/src/main.tsx': `import './page.css';\nimport 'millrace/wire';`,
      'packages/web/src/page.css': '',
      'packages/server/src/wire/index.ts': '',
    }),
  );
  assert.deepEqual(found, [
    'packages/core/src/log/a.ts:1 ./gone.ts is no file',
    'packages/core/src/log/a.ts:2 @millrace/core/gone is no file',
  ]);
});

test('finds a wrong direction through names, paths and workers', () => {
  const found = wrongDirections(
    tree({
      'packages/core/src/base/index.ts': `import '../log/index.ts';`,
      'packages/core/src/log/index.ts': `import '../base/index.ts';`,
      'packages/adapters/src/cube/index.ts': `import '@millrace/adapters/duckdb';`,
      'packages/adapters/src/duckdb/index.ts': `new URL('../cube/worker.ts', import.meta.url);`,
      'packages/adapters/src/cube/worker.ts': `const name = '../duckdb/index.ts';`,
    }),
  );
  assert.deepEqual(found, [
    'packages/core/src/base/index.ts:1 core/base must not import core/log (packages/core/src/log/index.ts)',
    'packages/adapters/src/cube/index.ts:1 adapters/cube must not import adapters/duckdb (packages/adapters/src/duckdb/index.ts)',
    'packages/adapters/src/duckdb/index.ts:1 adapters/duckdb must not import adapters/cube (packages/adapters/src/cube/worker.ts)',
  ]);
});

test('finds a room entered beside its index.ts, and a package entered by a path', () => {
  const found = deepCrossings(
    tree({
      'packages/core/src/log/index.ts': '',
      'packages/core/src/log/segment.ts': '',
      'packages/core/src/ingest/a.ts': `import '../log/index.ts';\nimport '../log/segment.ts';`,
      'packages/server/src/cli/a.ts': `import '../profile.ts';\nimport '../../../core/src/log/index.ts';`,
      'packages/server/src/profile.ts': `import '@millrace/core/log';`,
    }),
  );
  assert.deepEqual(found, [
    'packages/core/src/ingest/a.ts:2 enters core/log beside its index.ts (packages/core/src/log/segment.ts)',
    'packages/server/src/cli/a.ts:2 reaches another package by a path (../../../core/src/log/index.ts): import it by name',
  ]);
});

test('finds circles, those of types included, once each', () => {
  const files = {
    'packages/core/src/log/a.ts': `import './b.ts';`,
    'packages/core/src/log/b.ts': `import type { C } from './c.ts';`,
    'packages/core/src/log/c.ts': `import './a.ts';`,
    'packages/core/src/log/d.ts': `import './a.ts';\nimport './b.ts';`,
  };
  const path = (name: string): string => `packages/core/src/log/${name}.ts`;
  assert.deepEqual(importCycles(tree(files)), [['a', 'b', 'c', 'a'].map(path).join(' → ')]);
  assert.deepEqual(importCycles(tree({ ...files, 'packages/core/src/log/c.ts': '' })), []);
});

test('finds files that nothing uses and product code that only tests use', () => {
  const found = deadFiles(
    tree({
      'packages/server/src/index.ts': `import './used.ts';`,
      'packages/server/src/used.ts': `new Worker(new URL('./worker.ts', import.meta.url));`,
      'packages/server/src/worker.ts': `const entry = 'entry.ts';`,
      'packages/server/src/entry.ts': '',
      'packages/server/src/dead.ts': `import './dead-too.ts';`,
      'packages/server/src/dead-too.ts': '',
      'packages/server/src/tested.ts': '',
      'packages/server/src/tested.test.ts': `import './tested.ts';\nimport '@millrace/testkit/clock';`,
      'packages/testkit/src/clock/index.ts': '',
      'packages/testkit/src/dead/index.ts': '',
    }),
  );
  assert.deepEqual(found, [
    'packages/server/src/dead.ts is used by nothing',
    'packages/server/src/dead-too.ts is used by nothing',
    'packages/server/src/tested.ts is used by tests only',
    'packages/testkit/src/dead/index.ts is used by nothing',
  ]);
});
