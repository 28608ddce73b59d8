import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { compileCommand } from './compile.ts';
import { exitCodeOf, failureText } from './failure.ts';
import { importCommand } from './import.ts';
import { initCommand } from './init.ts';
import { replayCommand } from './replay.ts';
import { startCommand } from './start.ts';
import { VERSION } from './version.ts';

/** The command line; each command has its own `--help`, and loads what it needs when it runs. */
export function createProgram(): Command {
  const program = new Command('millrace')
    .description('Real-time analytics from the first event to a moving chart, in one process.')
    .version(VERSION, '-v, --version')
    .option('--verbose', 'show the details of errors')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help lists what there is)')
    .addHelpText('after', '\n`millrace COMMAND --help` explains each command.');
  const commands = [
    startCommand(),
    initCommand(),
    checkCommand(),
    compileCommand(),
    importCommand(),
    replayCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

/** Runs one command; a failure is printed and sets the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const isVerbose =
      program.opts<{ verbose?: boolean }>().verbose === true || process.env['MILLRACE_LOG'] === 'debug';
    console.error(`\n${failureText(error, isVerbose)}`);
    process.exitCode = exitCodeOf(error);
  }
}
