import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  badNames,
  impureCore,
  narrowedTests,
  testsWithoutAssertions,
  tooLong,
  tooWide,
} from './file-rules.ts';
import { type Tree, treeOf } from './tree.ts';

function tree(files: Readonly<Record<string, string>>): Tree {
  return treeOf(Object.entries(files));
}

test('finds long files and wide lines, at their exact limits', () => {
  const lines = (count: number): string => '0;\n'.repeat(count);
  assert.deepEqual(tooLong(tree({ 'scripts/a.ts': lines(400), 'scripts/b.ts': lines(401) })), [
    'scripts/b.ts has 401 lines of at most 400',
  ]);
  const wide = (columns: number): string => `//${'x'.repeat(columns - 2)}`;
  assert.deepEqual(tooWide(tree({ 'scripts/a.ts': `${wide(110)}\n${wide(111)}` })), [
    'scripts/a.ts:2 has 111 columns of at most 110',
  ]);
  const text = 'x'.repeat(120);
  const strings = `fail('${text}');\nfail("it's", \`\${a} ${text}\`);\n/x${text}/.test(a);`;
  assert.deepEqual(tooWide(tree({ 'scripts/a.ts': strings })), [
    'scripts/a.ts:3 has 132 columns of at most 110',
  ]);
});

test('finds names that name nothing', () => {
  const found = badNames(
    tree({
      'packages/core/src/utils/index.ts': '',
      'packages/core/src/log/helpers.ts': '',
      'packages/core/src/log/segmentStore.ts': '',
      'packages/core/src/log/segment-store.slow.test.ts': '',
      'docs/README.md': '',
    }),
  );
  assert.deepEqual(found, [
    'packages/core/src/utils/index.ts: "utils" names no thing',
    'packages/core/src/log/helpers.ts: "helpers" names no thing',
    'packages/core/src/log/segmentStore.ts: not kebab-case',
  ]);
});

test('finds what core must be given instead of taking it', () => {
  const found = impureCore(
    tree({
      'packages/core/src/log/a.ts': `import 'typebox/value';\nimport 'node:fs';\nimport 'fastify';\nMath.random();`,
      'packages/core/src/log/a.test.ts': `import 'node:fs';\nDate.now();`,
      'packages/server/src/main.ts': `import 'node:fs';\nDate.now();`,
    }),
  );
  assert.deepEqual(found, [
    'packages/core/src/log/a.ts:4 uses Math.random',
    'packages/core/src/log/a.ts:2 imports node:fs',
    'packages/core/src/log/a.ts:3 imports fastify',
  ]);
});

test('finds tests that assert nothing, or leave others out', () => {
  const strict = `import assert from 'node:assert/strict';\n`;
  const files = tree({
    'scripts/a.test.ts': `${strict}test('a', () => assert.equal(1, 1));`,
    'scripts/b.test.ts': `${strict}test('a', () => {});`,
    'scripts/c.test.ts': `import assert from 'node:assert';\ntest('a', () => assert.equal(1, 1));`,
    'scripts/d.test.ts': `import { conformance } from '@millrace/testkit/log';\nconformance();`,
    'scripts/e.test.ts': `${strict}test.only('a', () => assert(1));\ndescribe.skip('b', () => {});`,
  });
  assert.deepEqual(testsWithoutAssertions(files), [
    'scripts/b.test.ts asserts nothing with node:assert/strict',
    'scripts/c.test.ts asserts nothing with node:assert/strict',
  ]);
  assert.deepEqual(narrowedTests(files).toSorted(), [
    'scripts/e.test.ts calls describe.skip',
    'scripts/e.test.ts calls test.only',
  ]);
});
