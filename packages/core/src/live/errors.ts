import { errorsOf, type ErrorDefinition } from '../base/index.ts';

export const LIVE_ERRORS = {
  LIVE_SOURCE_STARTING: {
    kind: 'transient',
    cause: 'The part that answers this query is still starting.',
    remedy: 'Wait: the answer comes by itself.',
  },
  LIVE_QUERY_INVALID: {
    kind: 'input',
    cause: 'The live query is not well formed.',
    remedy: 'Correct the field that the message names.',
  },
  LIVE_SOURCE_UNKNOWN: {
    kind: 'input',
    cause: 'No live source has this name.',
    remedy: 'Use one of the sources that the message lists.',
  },
  LIVE_STORE_UNKNOWN: {
    kind: 'input',
    cause: 'No running topology has a store of this name.',
    remedy: 'Use one of the stores that the message lists, or start the topology that makes it.',
  },
  LIVE_REPORT_UNKNOWN: {
    kind: 'input',
    cause: 'There is no report of this name.',
    remedy: 'Use one of the reports that the message lists.',
  },
  LIVE_RESULT_TOO_LARGE: {
    kind: 'input',
    cause: 'The answer has more rows than a live query may have.',
    remedy: 'Group more coarsely, filter, or set a `limit`.',
  },
  LIVE_EVALUATION_TIMEOUT: {
    kind: 'transient',
    cause: 'The evaluation did not end in time.',
    remedy:
      'It is tried again by itself; if this stays, read a mart or a stream result instead of raw history.',
  },
  LIVE_EVALUATION_FAILED: {
    kind: 'transient',
    cause: 'The evaluation failed.',
    remedy: 'It is tried again by itself; the server log has the details.',
  },
  LIVE_CONNECTION_UNKNOWN: {
    kind: 'input',
    cause: 'The live connection is not open.',
    remedy: 'Open `GET /v1/live` again and use the connection that its `hello` names.',
  },
  LIVE_TOO_MANY_QUERIES: {
    kind: 'input',
    cause: 'Too many live queries.',
    remedy: 'Close tiles or pages that are not looked at, or raise `live.queriesMax`.',
  },
  LIVE_TOO_MANY_VIEWERS: {
    kind: 'transient',
    cause: 'Too many live connections.',
    remedy: 'Close pages that are not looked at, or raise `live.viewersMax`; the page tries again by itself.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(LIVE_ERRORS);
