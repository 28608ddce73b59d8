import { errorsOf, type ErrorDefinition } from '../base/index.ts';

/** What metric queries can fail with, whoever answers them. */
export const SEMANTIC_ERRORS = {
  SEMANTIC_QUERY_INVALID: {
    kind: 'input',
    cause: 'The metric query is not well formed.',
    remedy: 'Correct the field that the message names; the query is that of Cube’s REST interface.',
  },
  SEMANTIC_QUERY_REFUSED: {
    kind: 'input',
    cause: 'The semantic layer refused the query.',
    remedy: 'Correct the member or filter that the message names; `/cubejs-api/v1/meta` lists what there is.',
  },
  SEMANTIC_QUERY_FAILED: {
    kind: 'transient',
    cause: 'The warehouse could not answer the query.',
    remedy: 'Try again; if it stays, compare the SQL of the cube with the columns of its table.',
  },
  SEMANTIC_STARTING: {
    kind: 'transient',
    cause: 'The semantic layer is still starting.',
    remedy: 'Wait: it is ready within seconds; the state says when.',
  },
  SEMANTIC_FAILED: {
    kind: 'fatal',
    cause: 'The semantic layer could not start.',
    remedy: 'Correct what the message names; a changed model file starts it again by itself.',
  },
  SEMANTIC_CLOSED: {
    kind: 'aborted',
    cause: 'The semantic layer was closed.',
    remedy: 'Nothing to do: the process is stopping.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const fail = errorsOf(SEMANTIC_ERRORS);
