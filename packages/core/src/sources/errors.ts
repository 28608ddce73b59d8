import { errorsOf, type ErrorDefinition } from '../base/index.ts';

/** What can go wrong in what a source sends. */
export const SOURCES_ERRORS = {
  SOURCES_BAD_MESSAGE: {
    kind: 'fatal',
    cause: 'The change stream of a database holds a message of an unknown form.',
    remedy: 'Check that the server is Postgres 15 or newer and that nothing rewrites its stream.',
  },
  SOURCES_BAD_VALUE: {
    kind: 'fatal',
    cause: 'A value of a database is not of the form that its type has.',
    remedy: 'Report the type in the details; leave the column out of the publication meanwhile.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const sourcesError = errorsOf(SOURCES_ERRORS);
