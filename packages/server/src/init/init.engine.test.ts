import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { compileModels } from '@millrace/adapters/dbt';
import { ContractRegistry } from '@millrace/core/contract';
import { dbtCommand } from '@millrace/testkit/engines';
import { loadProject } from '../project/index.ts';
import { createProject } from './create-project.ts';

const located = dbtCommand();
const skip = 'absent' in located ? located.absent : false;

async function compare(t: TestContext, data?: { name: string; text: string }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-init-dbt-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = data === undefined ? undefined : join(folder, data.name);
  if (path !== undefined) await writeFile(path, data?.text ?? '');
  const created = await createProject({
    folder: join(folder, 'a-project'),
    ...(path === undefined ? {} : { dataFile: path }),
  });
  const manifest = join(created.folder, 'models/compiled/manifest.json');
  const made = await readFile(manifest, 'utf8');
  const { contracts, modelsFolder } = await loadProject(created.folder);
  const tables = new ContractRegistry(contracts).tables();
  await compileModels({ projectFolder: modelsFolder as string, tables });
  assert.equal(made, await readFile(manifest, 'utf8'));
}

test('a new project’s manifest is byte for byte what real dbt compiles', { skip }, (t) => compare(t));

test('also for a data file with names that need quotes', { skip }, (t) => {
  const rows = Array.from({ length: 30 }, (_, i) => `g${i % 2},it's ${i % 3},${i},${i / 2}`);
  return compare(t, { name: 'order.csv', text: ['group,"o""k",values,amount', ...rows].join('\n') });
});
