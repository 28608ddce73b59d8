/**
 * `node scripts/compile-models.ts [PROJECT …]`: has real dbt compile the models of projects, by default the
 * examples'.
 */
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { compileModels } from '@millrace/adapters/dbt';
import { ContractRegistry } from '@millrace/core/contract';
import { loadProject } from '../packages/server/src/project/index.ts';

const root = join(import.meta.dirname, '..');

async function exampleFolders(): Promise<string[]> {
  const entries = await readdir(join(root, 'examples'), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, 'examples', name));
}

const named = process.argv.slice(2);
for (const folder of named.length > 0 ? named : await exampleFolders()) {
  const project = await loadProject(folder);
  if (project.modelsFolder === undefined) continue;
  const tables = new ContractRegistry(project.contracts).tables();
  const { path, modelCount } = await compileModels({ projectFolder: project.modelsFolder, tables });
  console.log(`${relative(process.cwd(), path)}: ${modelCount} models`);
}
