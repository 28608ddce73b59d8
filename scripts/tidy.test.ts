// The repository reads itself: rooms and their directions, dead files, sizes, names.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import * as fileRules from './tidy/file-rules.ts';
import * as importRules from './tidy/import-rules.ts';
import { readTree } from './tidy/tree.ts';
import { isCode } from './tree/source-files.ts';

const root = dirname(import.meta.dirname);
const tree = readTree(root);

const rules: readonly (readonly [what: string, rule: (of: typeof tree) => string[]])[] = [
  ['every import leads to a file', importRules.missingTargets],
  ['rooms import in one direction', importRules.wrongDirections],
  ['rooms are entered through their index.ts', importRules.deepCrossings],
  ['no files import each other in a circle', importRules.importCycles],
  ['no file is dead', importRules.deadFiles],
  ['no exception outlives its reason', importRules.staleExceptions],
  ['files are at most 400 lines', fileRules.tooLong],
  ['lines are at most 110 columns', fileRules.tooWide],
  ['files and folders are named after a thing', fileRules.badNames],
  ['core is pure', fileRules.impureCore],
  ['every test file asserts', fileRules.testsWithoutAssertions],
  ['no test is singled out or put off', fileRules.narrowedTests],
];

describe('tidy', () => {
  for (const [what, rule] of rules) {
    test(what, () => {
      const violations = rule(tree);
      assert.equal(violations.length, 0, `\n${violations.join('\n')}`);
    });
  }

  test('every file that git knows was seen', (t) => {
    const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    if (git.status !== 0) return t.skip('needs a git checkout: this is a copy without its history');
    const known = git.stdout.split('\0').filter((path) => isCode(path) && existsSync(join(root, path)));
    assert.ok(known.length > 0);
    assert.deepEqual(
      known.filter((path) => !tree.files.has(path)),
      [],
    );
  });

  test('DuckDB is installed once', () => {
    assert.deepEqual(copiesOf('@duckdb/node-api', join(root, 'node_modules')), ['@duckdb/node-api']);
  });
});

/** Where a package lies in `node_modules`, nested ones included, as paths below it. */
function copiesOf(name: string, modules: string): string[] {
  const found: string[] = [];
  const visit = (folder: string, prefix: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.name.startsWith('@') && !prefix.endsWith('/@')) {
        for (const scoped of readdirSync(path, { withFileTypes: true })) {
          if (scoped.isDirectory()) inspect(join(path, scoped.name), `${prefix}${entry.name}/${scoped.name}`);
        }
      } else inspect(path, prefix + entry.name);
    }
  };
  const inspect = (folder: string, path: string): void => {
    if (path === name || path.endsWith(`/node_modules/${name}`)) found.push(path);
    const nested = join(folder, 'node_modules');
    if (existsSync(nested)) visit(nested, `${path}/node_modules/`);
  };
  visit(modules, '');
  return found;
}
