import { isMillraceError, messageOf } from '@millrace/core/base';

/** One thing that is wrong. */
export interface Problem {
  /** Names the file where there is one. */
  readonly text: string;
  readonly remedy: string | undefined;
}

export function problemOf(error: unknown): Problem {
  if (!isMillraceError(error)) return { text: messageOf(error), remedy: undefined };
  return { text: `${error.code}: ${error.message}`, remedy: error.remedy };
}
