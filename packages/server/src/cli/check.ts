import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { CHECKOUT } from './checkout.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('Name everything that is wrong in a project: files, models, metrics and tiles.')
    .argument('[dir]', 'project folder', '.')
    .addHelpText(
      'after',
      '\nStarts the project once on an empty folder, without companions and without listening, and compares its\ncontracts with those that its data was last opened with. Exit code 1: there are problems.',
    )
    .action(async (folder: string) => {
      const { checkProject } = await import('../check/index.ts');
      const { problems, summary } = await checkProject(resolve(folder), {
        cacheFolder: join(CHECKOUT, '.millrace', 'cache'),
      });
      for (const line of summary) console.log(`  ${line}`);
      for (const { text, remedy } of problems) {
        console.error(`\n  ${text}${remedy === undefined ? '' : `\n  Remedy: ${remedy}`}`);
      }
      if (problems.length === 0) console.log('\n  No problem found.');
      else console.error(`\n  ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`);
      if (problems.length > 0) process.exitCode = 1;
    });
}
