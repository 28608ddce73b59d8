import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inspectProject, loadProject } from './project.ts';

const server = join(import.meta.dirname, '../..');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-project-'));
});
after(() => rm(folder, { recursive: true, force: true }));

let made = 0;
async function project(files: Readonly<Record<string, string>>, isLinked = true): Promise<string> {
  const root = join(folder, String(made++));
  const all = {
    'millrace.config.ts': config("{ name: 'shop' }"),
    'package.json': '{"type":"module"}',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  if (isLinked) {
    await mkdir(join(root, 'node_modules'));
    await symlink(server, join(root, 'node_modules/millrace'));
  }
  return root;
}

const config = (definition: string) =>
  `import { defineProject } from 'millrace';\nexport default defineProject(${definition});\n`;
const event = (name: string) =>
  `import { defineEvent, Type } from 'millrace';
export const ${name} = defineEvent({ name: '${name}', version: 1, schema: Type.Object({ a: Type.String() }) });\n`;

async function problemsOf(root: string): Promise<string[]> {
  const inspected = await inspectProject(root);
  assert.ok('problems' in inspected);
  return inspected.problems.map(({ code, message }) => `${code} ${message.replaceAll(root, '')}`);
}

test('collects what the files export, by name, by default and in lists, whatever the file is called', async () => {
  const root = await project({
    'events/one.ts': event('first') + event('second').split('\n')[1],
    'events/list.ts': `import { defineEvent, Type } from 'millrace';
const make = (name: 'x' | 'y') => defineEvent({ name, version: 1, schema: Type.Object({}) });
export default [make('x'), make('y')];\n`,
    'events/again.ts': "export { first } from './one.ts';\n",
    'events/one.test.ts': 'throw new Error("a test is no part of the project");',
    'events/notes.md': 'not code',
    'dashboards/a.yml': '',
  });
  const loaded = await loadProject(root);
  assert.deepEqual(loaded.contracts.map(({ name }) => name).toSorted(), ['first', 'second', 'x', 'y']);
  assert.equal(loaded.dashboardsFolder, join(root, 'dashboards'));
  assert.equal(loaded.modelsFolder, undefined);
  assert.deepEqual(loaded.topologies, []);
});

test('says everything that is wrong, with file and line', async () => {
  const root = await project({
    'millrace.config.ts': config("{ name: 'Not a name' }"),
    'events/a.ts': `${event('fine').split('\n')[0]}\nexport const a = defineEvent({ name: 'a', version: 1, schema: Type.Objct({}) });\n`,
    'events/b.ts': "import { defineEvent } from 'millrace';\n\nexport const b = defineEvent({,);\n",
    'events/c.ts': "import { absent } from 'millrace';\n",
    'events/d.ts': 'export const nothing = 1;\n',
    'events/e.ts': "import './absent.ts';\n",
    'streams/f.ts': event('event_in_the_wrong_folder'),
    'events/g.ts': event('fine'),
  });
  const problems = await problemsOf(root);
  const wanted = [
    /^PROJECT_BAD_DEFINITION \/millrace\.config\.ts must export default defineProject/,
    /^PROJECT_BROKEN_FILE \/events\/a\.ts:2:\d+: Type\.Objct is not a function/,
    /^PROJECT_BROKEN_FILE \/events\/b\.ts:3: /,
    /^PROJECT_BROKEN_FILE \/events\/c\.ts:1: .*'absent'/,
    /^PROJECT_BAD_DEFINITION \/events\/d\.ts exports no event contract made by defineEvent/,
    /^PROJECT_BROKEN_FILE \/events\/e\.ts: Cannot find module '\/events\/absent\.ts'/,
    /^PROJECT_BAD_DEFINITION \/streams\/f\.ts exports no topology made by defineTopology/,
  ];
  for (const pattern of wanted)
    assert.ok(
      problems.some((text) => pattern.test(text)),
      `${pattern}\n${problems.join('\n')}`,
    );
  assert.equal(problems.length, wanted.length);
  await assert.rejects(loadProject(root), { code: 'PROJECT_BAD_DEFINITION' });
});

test('a project that does not find Millrace says how it is linked', async () => {
  const root = await project({}, false);
  await assert.rejects(loadProject(root), (error: { code: string; remedy: string }) => {
    assert.equal(error.code, 'PROJECT_NOT_LINKED');
    assert.match(error.remedy, /npm install/);
    return true;
  });
});

test('a folder that is no project', async () => {
  await assert.rejects(loadProject(join(folder, 'absent')), { code: 'PROJECT_NOT_FOUND' });
});
