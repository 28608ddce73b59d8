/** The command line. */
export { runCommandLine } from './program.ts';
