import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { manifestStaleness } from '@millrace/adapters/dbt';
import { ContractRegistry } from '@millrace/core/contract';
import { parseManifest } from '@millrace/core/models';
import { checkProject } from '../check/index.ts';
import { loadProject } from '../project/index.ts';
import { createProject } from './create-project.ts';

const root = join(import.meta.dirname, '../../../..');
const cacheFolder = join(root, '.millrace', 'cache');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-init-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function dataFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const names = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);

test('a project without data: it loads, its models are compiled, nothing is wrong with it', async () => {
  const created = await createProject({ folder: join(folder, 'My first shop!') });
  assert.equal(created.plan.name, 'my-first-shop');
  const project = await loadProject(created.folder);
  assert.equal(project.definition.name, 'my-first-shop');
  const tables = new ContractRegistry(project.contracts).tables();
  assert.deepEqual(names(tables[0]?.columns ?? []).slice(-3), ['page', 'country', 'duration_ms']);
  assert.deepEqual(await manifestStaleness(project.modelsFolder as string), {
    stale: false,
    warning: undefined,
  });
  const manifest = parseManifest(
    await readFile(join(created.folder, 'models/compiled/manifest.json'), 'utf8'),
  );
  assert.deepEqual(names(manifest.models), ['fct_visit_hourly', 'stg_visit']);
  const { problems, summary } = await checkProject(created.folder, { cacheFolder });
  assert.deepEqual(problems, []);
  assert.ok(summary.includes('model staging.stg_visit: append'), summary.join('\n'));
  assert.ok(summary.includes('model marts.fct_visit_hourly: by key'), summary.join('\n'));
});

test('odd data: every name and value that SQL, YAML or TypeScript could trip over', async () => {
  const header = [
    'order',
    'Group',
    'null',
    'yes',
    'class',
    'it"s',
    'from',
    'Total Events',
    'event_hour',
    'id',
    'select',
  ];
  const rows = Array.from({ length: 60 }, (_, i) => [
    `"a, ${i % 3}"`,
    i % 2,
    i % 4 === 0 ? '' : 'x',
    `'${i % 5}'`,
    i,
    i / 7,
    `b${i % 2}`,
    i % 3,
    `h${i % 2}`,
    9e15 + i * 1e13,
    i * 2,
  ]);
  const csv = [
    header.map((name) => `"${name.replaceAll('"', '""')}"`).join(','),
    ...rows.map((row) => row.join(',')),
  ];
  const path = await dataFile(`O'Brien's "odd" data.csv`, csv.join('\n'));
  const created = await createProject({ folder: join(folder, '2024'), dataFile: path });
  assert.equal(created.plan.name, 'project-2024');
  assert.equal(created.plan.eventType, 'o_brien_s_odd_data');
  assert.equal(created.timeColumn, undefined);
  const { problems } = await checkProject(created.folder, { cacheFolder });
  assert.deepEqual(problems, []);
  const project = await loadProject(created.folder);
  const [companion] = project.definition.companions ?? [];
  assert.ok(companion !== undefined && 'command' in companion);
  assert.equal(companion.command[1], path);
  const checkTypes = () =>
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')], {
      encoding: 'utf8',
      cwd: created.folder,
    });
  const checked = checkTypes();
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  await writeFile(join(created.folder, 'events/wrong.ts'), 'export const wrong: string = 1;\n');
  assert.match(checkTypes().stdout, /events\/wrong\.ts.*TS2322/);
});

test('what is sliced by, what is summed, and in which steps time is shown', async () => {
  const countries = ['DE', 'FR', 'US', 'JP'];
  const lines = [
    'Order ID,Placed At,Country,Product,Paid,Amount,Items,Customer Email,Store ID,Constant,Note',
  ];
  for (let i = 0; i < 400; i++) {
    const day = new Date(Date.UTC(2026, 0, 1 + (i % 90))).toISOString();
    const product = `product ${i % 40}`;
    const amount = i % 10 === 0 ? '' : (i / 3).toFixed(2);
    lines.push(
      [
        i,
        day,
        countries[i % 4],
        product,
        i % 2 === 0,
        amount,
        i % 5,
        `u${i}@example.org`,
        i % 7,
        'same',
        `note ${i}`,
      ].join(','),
    );
  }
  const { plan, timeColumn } = await createProject({
    folder: join(folder, 'choice'),
    dataFile: await dataFile('Orders.csv', lines.join('\n')),
  });
  assert.equal(timeColumn, 'Placed At');
  assert.deepEqual(names(plan.dimensions), ['paid', 'country', 'store_id']);
  assert.deepEqual(names(plan.measures), ['amount', 'items']);
  assert.equal(plan.granularity, 'day');
  const optional = plan.fields.filter((field) => field.isOptional);
  assert.deepEqual(names(optional), ['amount']);
  const personal = plan.fields.filter((field) => field.isPersonal);
  assert.deepEqual(names(personal), ['customer_email']);
  const event = await readFile(join(folder, 'choice/events/orders.ts'), 'utf8');
  assert.match(event, /personal: \['customer_email'\]/);
  assert.match(event, /amount: Type\.Optional\(Type\.Union\(\[Type\.Number\(\), Type\.Null\(\)\]\)\)/);
});

test('a chosen time column', async () => {
  const path = await dataFile('times.csv', 'created_at,shipped\n2026-01-01 00:00:00,2026-02-01 00:00:00\n');
  const options = { folder: join(folder, 'times'), dataFile: path, timeColumn: 'shipped' };
  assert.equal((await createProject(options)).timeColumn, 'shipped');
});

test('a folder that holds something is refused and left as it is', async () => {
  const full = join(folder, 'full');
  await mkdir(full);
  await writeFile(join(full, 'mine.txt'), 'mine');
  await assert.rejects(createProject({ folder: full }), {
    code: 'INIT_FOLDER_NOT_EMPTY',
    message: /mine\.txt/,
  });
  assert.equal(await readFile(join(full, 'mine.txt'), 'utf8'), 'mine');
});

test('data without rows, or that cannot be read, makes no folder', async () => {
  const target = join(folder, 'none');
  const header = await dataFile('header.csv', 'a,b\n');
  await assert.rejects(createProject({ folder: target, dataFile: header }), {
    code: 'INIT_FILE_WITHOUT_ROWS',
  });
  const absent = join(folder, 'absent.csv');
  await assert.rejects(createProject({ folder: target, dataFile: absent }), { code: 'DATA_FILE_UNREADABLE' });
  await assert.rejects(readFile(join(target, 'package.json')), { code: 'ENOENT' });
});

test('Millrace is linked as npm would link it, and npm leaves it so', async () => {
  const { folder: project } = await createProject({ folder: join(folder, 'linked') });
  assert.equal(await readlink(join(project, 'node_modules/millrace')), join(root, 'packages/server'));
  const { dependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  assert.deepEqual(dependencies, { millrace: `file:${join(root, 'packages/server')}` });
  const isWindows = process.platform === 'win32';
  const runIn = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: project, encoding: 'utf8', shell: isWindows });
  const command = join(project, 'node_modules/.bin', isWindows ? 'millrace.cmd' : 'millrace');
  assert.match(runIn(command, '--version').stdout, /^\d+\.\d+\.\d+$/m);
  const installed = runIn('npm', 'install', '--offline', '--no-audit', '--no-fund');
  assert.equal(installed.status, 0, installed.stderr);
  assert.equal(await realpath(join(project, 'node_modules/millrace')), join(root, 'packages/server'));
  assert.match(runIn(command, '--version').stdout, /^\d+\.\d+\.\d+$/m);
});
