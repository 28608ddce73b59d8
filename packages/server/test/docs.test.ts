// The examples of the docs compile and are accepted, their lists are complete, their links lead somewhere.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkProject } from '../src/check/index.ts';
import { inspectProject } from '../src/project/index.ts';

const root = join(import.meta.dirname, '../../..');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-docs-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function documents(): Promise<string[]> {
  const inDocs = await readdir(join(root, 'docs'), { recursive: true });
  const pages = inDocs.filter((name) => name.endsWith('.md')).map((name) => join('docs', name));
  return ['README.md', 'CONTRIBUTING.md', ...pages];
}

async function writeProject(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const project = join(folder, name);
  await mkdir(project, { recursive: true });
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'));
  const options = { extends: join(root, 'packages/server/tsconfig.project.json'), include: ['**/*.ts'] };
  const all = {
    'tsconfig.json': JSON.stringify(options),
    'package.json': '{"type":"module"}',
    'millrace.config.ts': `import { defineProject } from 'millrace';
export default defineProject({ name: 'docs' });\n`,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
  return project;
}

const shownFile = /^```(?:ts|yaml|sql)\n(?:\/\/|#|--) (\S+\.\w+)\n(.*?)^```$/gms;

for (const page of [
  'docs/start.md',
  'docs/guides/events.md',
  'docs/guides/alerts.md',
  'docs/guides/own-data.md',
]) {
  test(`${page}: every TypeScript example is a file, compiles, and loads`, async () => {
    const text = await readFile(join(root, page), 'utf8');
    const files = Object.fromEntries(
      [...text.matchAll(shownFile)].map(([, path = '', code = '']) => [path, code]),
    );
    const typed = Object.keys(files).filter((path) => path.endsWith('.ts'));
    assert.equal(typed.length, text.match(/^```ts$/gm)?.length);
    const project = await writeProject(page.replaceAll(/\W/g, '-'), files);
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', project], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    const inspected = await inspectProject(project);
    assert.ok('project' in inspected, 'problems' in inspected ? inspected.problems[0].message : '');
  });
}

test('docs/guides/alerts.md lists every figure, and no other', async () => {
  const text = await readFile(join(root, 'docs/guides/alerts.md'), 'utf8');
  const rows = text.slice(text.indexOf('## Figures')).matchAll(/^\| (`.*?) \|/gm);
  const listed = [...rows].flatMap(([, names = '']) => names.replaceAll('`', '').split(', '));
  const project = await writeProject('figures', {
    'alerts/odd.ts': `import { defineAlert } from 'millrace';
export default defineAlert({ name: 'odd', description: '', when: { figure: 'odd', above: 1 } });\n`,
  });
  const { problems } = await checkProject(project, { cacheFolder: join(root, '.millrace', 'cache') });
  assert.equal(problems.length, 1, JSON.stringify(problems));
  const known = problems[0]?.remedy?.replace('There are ', '').replace('.', '').split(', ');
  assert.deepEqual(listed.toSorted(), known?.toSorted());
});

test('links between pages lead to files and headings that exist', async () => {
  const broken: string[] = [];
  for (const page of await documents()) {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, target = ''] of text.replaceAll(/^```.*?^```$/gms, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', heading] = target.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      const isThere = await access(file).then(
        () => true,
        () => false,
      );
      if (!isThere) broken.push(`${page}: ${target}`);
      else if (heading !== undefined && !(await headingsOf(file)).has(heading))
        broken.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

async function headingsOf(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(file, 'utf8');
  const titles = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
