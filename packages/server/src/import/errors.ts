import { errorsOf, type ErrorDefinition } from '@millrace/core/base';

/** What can go wrong when a data file is sent as events. */
export const IMPORT_ERRORS = {
  IMPORT_BAD_PLAN: {
    kind: 'config',
    cause: 'The columns of the file do not become an event.',
    remedy: 'Name other columns with --time and --id, or change the file.',
  },
  IMPORT_REFUSED: {
    kind: 'config',
    cause: 'The server refused the events.',
    remedy: 'Follow what the server says; where keys are set, give one in MILLRACE_KEY.',
  },
  IMPORT_UNREACHABLE: {
    kind: 'transient',
    cause: 'The server does not take events.',
    remedy:
      'Start it (`npm start`) or name its address with --url; the same command goes on where it stopped.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(IMPORT_ERRORS);
