/** The program: one command line for all that Millrace does. */
import { isMillraceError } from '@millrace/core/base';
import { createProgram } from './cli/program.ts';

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (!isMillraceError(error)) throw error;
  console.error(`\n${error.code}: ${error.message}\nRemedy: ${error.remedy}`);
  process.exitCode = 1;
}
