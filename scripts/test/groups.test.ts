import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupOf, parseArguments, testFilesOf } from './groups.ts';

test('a file belongs to the group that its name says', () => {
  assert.equal(groupOf('packages/core/src/log/segment.test.ts'), 'unit');
  assert.equal(groupOf('packages/web/src/page.browser.test.ts'), 'browser');
  assert.equal(groupOf('packages/adapters/src/dbt/live.engine.test.ts'), 'engines');
  assert.equal(groupOf('packages/core/src/streams/kill.slow.test.ts'), 'slow');
  assert.equal(groupOf('packages/core/src/engine.test.ts'), 'unit');
});

test('a group takes its tests that match, and nothing else', () => {
  const paths = ['a/x.ts', 'a/x.test.ts', 'a/y.test.ts', 'b/x.browser.test.ts', 'examples/z/check.test.mjs'];
  assert.deepEqual(testFilesOf('unit', paths, ''), [
    'a/x.test.ts',
    'a/y.test.ts',
    'examples/z/check.test.mjs',
  ]);
  assert.deepEqual(testFilesOf('unit', paths, 'y'), ['a/y.test.ts']);
  assert.deepEqual(testFilesOf('browser', paths, ''), ['b/x.browser.test.ts']);
  assert.deepEqual(testFilesOf('slow', paths, ''), []);
});

test('arguments name groups and a filter; slow runs only when named', () => {
  assert.deepEqual(parseArguments([]), { groups: ['unit', 'browser', 'engines'], filter: '' });
  assert.deepEqual(parseArguments(['slow', 'unit']), { groups: ['unit', 'slow'], filter: '' });
  assert.deepEqual(parseArguments(['unit', '--filter', 'log']), { groups: ['unit'], filter: 'log' });
  assert.deepEqual(parseArguments(['--filter=log']), {
    groups: ['unit', 'browser', 'engines'],
    filter: 'log',
  });
  assert.match(JSON.stringify(parseArguments(['units'])), /There is no test group/);
});
