/** The program: one command line for all that Millrace does. */
import { runCommandLine } from './cli/index.ts';

await runCommandLine(process.argv);
