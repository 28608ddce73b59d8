/** The command line. */
export { CLI_ERRORS } from './errors.ts';
export { runCommandLine } from './program.ts';
