import { errorsOf, type ErrorDefinition } from '@millrace/core/base';

/** What can go wrong when a command speaks to a running server. */
export const CLI_ERRORS = {
  CLI_SERVER_UNREACHABLE: {
    kind: 'transient',
    cause: 'No Millrace answers.',
    remedy: 'Start it (`npm start`), or name its address with --url.',
  },
  CLI_SERVER_REFUSED: {
    kind: 'config',
    cause: 'The server refused.',
    remedy: 'Follow what the server says; where keys are set, give one in MILLRACE_KEY.',
  },
  CLI_LOG_OPTIONS: {
    kind: 'config',
    cause: 'The options for the log do not fit together.',
    remedy: 'Give --log kafka with --brokers HOST:PORT,…; see millrace start --help for security.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(CLI_ERRORS);
