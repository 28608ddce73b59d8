import { resolve } from 'node:path';
import { Command } from 'commander';
import { ContractRegistry } from '@millrace/core/contract';
import { loadProject } from '../project/index.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('Loads a project, and names what is wrong in it, without running it.')
    .argument('[dir]', 'project folder', '.')
    .action(async (folder: string) => {
      const project = await loadProject(resolve(folder));
      const registry = new ContractRegistry(project.contracts);
      console.log(`${project.definition.name}: ${project.contracts.length} event types`);
      for (const table of registry.tables()) {
        console.log(`  topic ${table.topic} → raw.${table.table} (${table.columns.length} columns)`);
      }
      console.log(`  ${project.topologies.length} stream topologies, ${project.alerts.length} alerts`);
      console.log('No problem found.');
    });
}
