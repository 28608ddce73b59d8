import { isMillraceError, messageOf } from '@millrace/core/base';

/**
 * What a person reads when a command fails: a failure of the world by its code, message and remedy; one of
 * the machine by its message; what nobody expected with an apology. Stacks only where details are asked for.
 */
export function failureText(error: unknown, isVerbose: boolean): string {
  const details = isVerbose ? `\n\n${detailsOf(error)}` : '';
  if (isMillraceError(error)) {
    return `${error.code}: ${error.message}\nRemedy: ${error.remedy}${details}`;
  }
  if (isSystemError(error)) return `The machine refused: ${error.message}${details}`;
  const apology = 'This should not happen. We are sorry.';
  const next = isVerbose
    ? 'Please report what follows'
    : 'Please run it again with --verbose and report what it prints';
  return `${apology} ${messageOf(error)}\n${next}, with what you did before.${details}`;
}

/** 2: the same command will fail again until somebody changes something; 1: it may pass. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return isMillraceError(error) && (error.kind === 'config' || error.kind === 'input') ? 2 : 1;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

function detailsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields =
    isMillraceError(error) && Object.keys(error.details).length > 0
      ? `\n${JSON.stringify(error.details)}`
      : '';
  const cause = error.cause === undefined ? '' : `\ncaused by ${detailsOf(error.cause)}`;
  return `${error.stack}${fields}${cause}`;
}
