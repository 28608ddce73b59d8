import { errorsOf, type ErrorDefinition } from '@millrace/core/base';

/** What can go wrong when a project is made. */
export const INIT_ERRORS = {
  INIT_FOLDER_NOT_EMPTY: {
    kind: 'config',
    cause: 'The folder is not empty.',
    remedy: 'Name a folder that does not exist yet, or is empty.',
  },
  INIT_FILE_WITHOUT_ROWS: {
    kind: 'config',
    cause: 'The data file has no rows to derive a project from.',
    remedy: 'Give a file with rows, or make the project without --from and write its event type yourself.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(INIT_ERRORS);
