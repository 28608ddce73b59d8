import { relative, resolve } from 'node:path';
import { Command } from 'commander';

export function compileCommand(): Command {
  return new Command('compile')
    .description('Have real dbt compile the models of a project, after they were changed.')
    .argument('[dir]', 'project folder', '.')
    .addHelpText(
      'after',
      '\nWrites models/compiled/manifest.json, which Millrace runs without Python. Needs dbt: run `npm run engines` in the\n' +
        'checkout once (Python 3.10 or newer), or name one in MILLRACE_DBT.',
    )
    .action(async (folder: string) => {
      const [{ compileModels }, { ContractRegistry }, { loadProject, projectError }] = await Promise.all([
        import('@millrace/adapters/dbt'),
        import('@millrace/core/contract'),
        import('../project/index.ts'),
      ]);
      const project = await loadProject(resolve(folder));
      if (project.modelsFolder === undefined) {
        throw projectError('PROJECT_WITHOUT_MODELS', { message: `${project.folder} has no folder models.` });
      }
      const tables = new ContractRegistry(project.contracts).tables();
      const { path, modelCount } = await compileModels({ projectFolder: project.modelsFolder, tables });
      console.log(`  ${relative(process.cwd(), path)}: ${modelCount} models`);
    });
}
