import { type ErrorDefinition, errorsOf, MillraceError } from '@millrace/core/base';

/** What can go wrong between Millrace and a Postgres server. */
export const POSTGRES_ERRORS = {
  POSTGRES_UNAVAILABLE: {
    kind: 'transient',
    cause: 'The Postgres server cannot be reached, or ended the connection.',
    remedy:
      'Check that the server runs and that the address in the source is right; capture resumes by itself.',
  },
  POSTGRES_REFUSED: {
    kind: 'config',
    cause: 'The Postgres server refused the connection or a statement.',
    remedy: 'Follow the message of the server; check user, password and database of the source.',
  },
  POSTGRES_NOT_READY: {
    kind: 'config',
    cause: 'The Postgres server is not set up for the capture of changes.',
    remedy: 'Run the statements that the error names, as an administrator of the server.',
  },
  POSTGRES_SLOT_TAKEN: {
    kind: 'config',
    cause: 'The replication slot exists, but this data folder knows nothing of it.',
    remedy: 'Name another slot in the source, or drop the old one with pg_drop_replication_slot.',
  },
  POSTGRES_SLOT_LOST: {
    kind: 'config',
    cause: 'The replication slot is gone or has lost changes that were not read yet.',
    remedy: 'Name a new slot in the source: its tables are then read again from the start.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const postgresError = errorsOf(POSTGRES_ERRORS);

/** One thing that is missing, and the statement that supplies it. */
export interface SetupProblem {
  readonly what: string;
  readonly statement: string;
}

/** `POSTGRES_NOT_READY` whose remedy is exactly the statements to run. */
export function notReady(problems: readonly SetupProblem[]): MillraceError {
  const remedy = problems.map(({ statement }) => statement).join('\n');
  return new MillraceError(
    'POSTGRES_NOT_READY',
    { ...POSTGRES_ERRORS.POSTGRES_NOT_READY, remedy },
    { message: problems.map(({ what }) => what).join(' '), details: { problems } },
  );
}

/** `POSTGRES_SLOT_TAKEN` with the statement that drops the slot. */
export function slotTaken(slot: string): MillraceError {
  return new MillraceError(
    'POSTGRES_SLOT_TAKEN',
    { ...POSTGRES_ERRORS.POSTGRES_SLOT_TAKEN, remedy: `SELECT pg_drop_replication_slot('${slot}');` },
    { message: `The replication slot ${slot} exists, but this data folder knows nothing of it.` },
  );
}
