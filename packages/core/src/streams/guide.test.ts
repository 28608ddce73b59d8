// The guide's examples are compiled and run: a line `// → value` is what the statement before it gives.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

const root = join(import.meta.dirname, '../../../..');
const guide = await readFile(join(root, 'docs/guides/streams.md'), 'utf8');
const examples = [...guide.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, path, code]) => ({
  path: path!,
  code: code!,
}));
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-guide-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const options = { extends: join(root, 'tsconfig.json'), include: ['.'], exclude: ['node_modules'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(options));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const { path, code } of examples) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), withAssertions(code));
  }
});

after(() => rm(folder, { recursive: true }));

function withAssertions(code: string): string {
  const asserting = code.replaceAll(
    /^(?! )(?!const |import )(.+(?:\n .+)*);\n\/\/ → (.+)$/gm,
    'assert.deepEqual($1, $2);',
  );
  return asserting === code ? code : `import assert from 'node:assert/strict';\n${asserting}`;
}

test('every example is named and has its result checked', () => {
  const blocks = guide.match(/^```ts$/gm)?.length;
  assert.equal(examples.length, blocks);
  const results = guide.match(/^\/\/ → /gm)!.length;
  const checked = examples.map(({ code }) => withAssertions(code).split('assert.deepEqual(').length - 1);
  assert.equal(
    checked.reduce((sum, count) => sum + count, 0),
    results,
  );
});

test('the examples compile', () => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--noEmit'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
});

for (const { path } of examples) {
  if (!path.endsWith('.example.ts')) continue;
  test(`${path} gives what it says`, () => {
    const { status, stderr } = spawnSync(process.execPath, [join(folder, path)], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
}
