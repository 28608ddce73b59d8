import { errorsOf, type ErrorDefinition, isMillraceError, messageOf } from '@millrace/core/base';

/** What can go wrong between the log and Apache Kafka. */
export const KAFKA_ERRORS = {
  KAFKA_UNAVAILABLE: {
    kind: 'transient',
    cause:
      'The Kafka brokers did not do what was asked in the time that is allowed; nothing of it was stored.',
    remedy: 'Check that the brokers run, that enough replicas are in sync, and that --brokers names them.',
  },
  KAFKA_FENCED: {
    kind: 'fenced',
    cause: 'Another process has taken over as the writer of this log.',
    remedy: 'Stop this process, or give each of them a transactional id of its own.',
  },
  KAFKA_OUTCOME_UNKNOWN: {
    kind: 'fatal',
    cause: 'The brokers did not say whether a commit was stored.',
    remedy: 'Start again when the brokers answer; what was stored is read from them.',
  },
  KAFKA_REFUSED: {
    kind: 'config',
    cause: 'The Kafka brokers refused what was asked.',
    remedy: 'Follow the message of the brokers; check user, password, certificates and permissions.',
  },
  KAFKA_CORRUPT_BATCH: {
    kind: 'fatal',
    cause: 'A record batch of a broker does not match its checksum, or cannot be decompressed.',
    remedy: 'Check the disks of the broker that leads the partition in the details.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const kafkaError = errorsOf(KAFKA_ERRORS);

/**
 * What to do after a failure: `again` with new metadata, `soon` (the same again in a moment), `fenced`,
 * `refused` for good, or `broken`: this is no answer of a broker.
 */
export type FailureKind = 'again' | 'soon' | 'fenced' | 'refused' | 'broken';

export interface Failure {
  readonly kind: FailureKind;
  /** The broker's name of it, such as `NOT_LEADER_OR_FOLLOWER`; empty when a connection failed. */
  readonly name: string;
  readonly message: string;
}

const fencing = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'TRANSACTION_COORDINATOR_FENCED']);
const passing = new Set(['CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT']);
/** Not retriable by the protocol's own list, but cured by a new epoch or by waiting. */
const curable = new Set([
  'TRANSACTION_ABORTABLE',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_SERVER_ERROR',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_CONTROLLER',
]);
const connectionCodes = new Set(['PLT_KFK_NETWORK', 'PLT_KFK_TIMEOUT']);

interface ClientError extends Error {
  readonly code?: string;
  readonly apiId?: string;
  readonly canRetry?: boolean;
  readonly serverErrorMessage?: string | null;
  readonly errors?: readonly ClientError[];
}

/** Every error of the client, as what to do about it. */
export function classify(error: unknown): Failure {
  if (!(error instanceof Error) || isMillraceError(error)) {
    return { kind: 'broken', name: '', message: messageOf(error) };
  }
  const answers = answersOf(error);
  if (answers.length > 0) return worstOf(answers.map(failureOf));
  const client = error as ClientError;
  if (client.code === 'PLT_KFK_AUTHENTICATION' || hasCause(error, 'PLT_KFK_AUTHENTICATION')) {
    return { kind: 'refused', name: 'SASL_AUTHENTICATION_FAILED', message: deepestMessage(error) };
  }
  if (hasCertificateCause(error)) return { kind: 'refused', name: 'TLS', message: deepestMessage(error) };
  const isConnection = connectionCodes.has(client.code ?? '');
  return { kind: isConnection ? 'again' : 'broken', name: '', message: deepestMessage(error) };
}

/** The brokers' own answers inside an error. */
function answersOf(error: ClientError): ClientError[] {
  if (error.apiId !== undefined) return [error];
  return (error.errors ?? []).flatMap(answersOf);
}

function failureOf({ apiId = '', canRetry = false, serverErrorMessage, message }: ClientError): Failure {
  const text = serverErrorMessage ?? message;
  const kind = fencing.has(apiId)
    ? 'fenced'
    : passing.has(apiId)
      ? 'soon'
      : canRetry || curable.has(apiId)
        ? 'again'
        : 'refused';
  return { kind, name: apiId, message: `${apiId}: ${text}` };
}

const gravity: readonly FailureKind[] = ['fenced', 'broken', 'refused', 'again', 'soon'];

function worstOf(failures: readonly Failure[]): Failure {
  return failures.toSorted((a, b) => gravity.indexOf(a.kind) - gravity.indexOf(b.kind))[0]!;
}

function causesOf(error: Error): (Error & { code?: string })[] {
  const causes: Error[] = [];
  for (let each: unknown = error; each instanceof Error; each = each.cause) causes.push(each);
  return causes;
}

function hasCause(error: Error, code: string): boolean {
  return causesOf(error).some((cause) => cause.code === code);
}

function hasCertificateCause(error: Error): boolean {
  return causesOf(error).some(({ code }) => /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED/.test(code ?? ''));
}

function deepestMessage(error: Error): string {
  return causesOf(error).at(-1)?.message ?? error.message;
}
