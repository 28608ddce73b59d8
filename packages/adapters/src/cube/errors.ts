import { errorsOf, type ErrorDefinition } from '@millrace/core/base';

/** What can be wrong with the embedded Cube. */
export const CUBE_ERRORS = {
  CUBE_BUNDLE_FAILED: {
    kind: 'fatal',
    cause: 'The file of the Cube thread could not be made.',
    remedy: 'Check that the cache folder can be written and run `npm ci` again; the cause has the details.',
  },
  CUBE_VERSION_UNKNOWN: {
    kind: 'fatal',
    cause: 'The installed Cube lacks members that the embedding relies on.',
    remedy: 'Install the pinned version: run `npm ci` in the checkout.',
  },
  CUBE_MODEL_BROKEN: {
    kind: 'config',
    cause: 'The data models do not compile.',
    remedy: 'Correct the file that the message names; it is read again when it is saved.',
  },
  CUBE_MODEL_UNSUPPORTED: {
    kind: 'config',
    cause: 'A data model needs a part of Cube that the embedded layer does not have.',
    remedy: 'Write the model without the construct that the message names, or run a Cube deployment.',
  },
  CUBE_MODEL_UNGUARDED: {
    kind: 'config',
    cause: 'A view shows members of a cube that has an access policy, and has none itself.',
    remedy:
      'Give the view an `access_policy`: a cube’s own policy does not hide members that a view includes.',
  },
  CUBE_THREAD_DIED: {
    kind: 'transient',
    cause: 'The Cube thread ended while the query ran.',
    remedy: 'Ask again: the thread is started again by itself.',
  },
  CUBE_QUERY_FAILED: {
    kind: 'transient',
    cause: 'The warehouse could not answer the query.',
    remedy: 'Compare the SQL of the cube with the columns of its table; the log has the engine’s message.',
  },
  CUBE_BUSY: {
    kind: 'transient',
    cause: 'Too many metric queries wait for the warehouse.',
    remedy: 'Ask again a little later, with fewer queries at a time.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(CUBE_ERRORS);
