import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { compileCommand } from './compile.ts';
import { importCommand } from './import.ts';
import { initCommand } from './init.ts';
import { startCommand } from './start.ts';

/** The command line; each command has its own `--help`. */
export function createProgram(): Command {
  return new Command('millrace')
    .description('Real-time analytics from the first event to a moving chart, in one process.')
    .version('0.1.0', '-v, --version')
    .helpCommand(false)
    .showHelpAfterError()
    .addCommand(startCommand())
    .addCommand(initCommand())
    .addCommand(importCommand())
    .addCommand(checkCommand())
    .addCommand(compileCommand());
}
