import { isMillraceError, MillraceError, type ErrorKind, type Logger } from '@millrace/core/base';
import type { FastifyReply } from 'fastify';
import type { ErrorReply } from '../wire/index.ts';
import { fail } from './errors.ts';

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HTTP_UNKNOWN_HOST: 421,
  HTTP_FOREIGN_ORIGIN: 403,
  HTTP_UNSUPPORTED_CONTENT_TYPE: 415,
  HTTP_KEY_REQUIRED: 401,
  HTTP_PAGE_KEY_REQUIRED: 401,
  HTTP_SESSION_REQUIRED: 401,
  HTTP_RATE_LIMITED: 429,
  HTTP_NOT_FOUND: 404,
  HTTP_INTERNAL: 500,
  LIVE_CONNECTION_UNKNOWN: 404,
  LIVE_REPORT_UNKNOWN: 404,
  INGEST_BODY_TOO_LARGE: 413,
  INGEST_TOO_MANY_EVENTS: 413,
  INGEST_UNSUPPORTED_CONTENT_TYPE: 415,
};

const STATUS_BY_KIND: Readonly<Record<ErrorKind, number>> = {
  config: 400,
  input: 400,
  transient: 503,
  fenced: 503,
  fatal: 503,
  aborted: 503,
};

/** The status that goes with an error. */
export function statusOf(error: MillraceError): number {
  return STATUS_BY_CODE[error.code] ?? STATUS_BY_KIND[error.kind];
}

/**
 * Any error as one of ours: what Fastify refused keeps its reason, our own faults say nothing of themselves.
 */
export function asMillraceError(error: unknown): MillraceError {
  if (isMillraceError(error)) return error;
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode === undefined || statusCode >= 500) return fail('HTTP_INTERNAL', { cause: error });
  if (statusCode === 413) return refusedByFastify('INGEST_BODY_TOO_LARGE', error);
  if (statusCode === 415) return fail('HTTP_UNSUPPORTED_CONTENT_TYPE', { cause: error });
  return fail('HTTP_BAD_REQUEST', { ...(message === undefined ? {} : { message }), cause: error });
}

/** Answers with `{code, message, remedy}`. */
export async function sendError(error: unknown, reply: FastifyReply, logger: Logger): Promise<void> {
  const known = asMillraceError(error);
  const status = statusOf(known);
  if (status === 500) logger.error('A request failed.', { code: known.code, cause: describe(known.cause) });
  if (known.retryAfterMs !== undefined) {
    reply.header('retry-after', String(Math.max(1, Math.ceil(known.retryAfterMs / 1000))));
  }
  const body: ErrorReply = { code: known.code, message: known.message, remedy: known.remedy };
  await reply.status(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
}

function refusedByFastify(code: string, cause: unknown): MillraceError {
  const definition = {
    kind: 'input' as const,
    cause: 'The body is larger than a request may be.',
    remedy: 'Send less in each request.',
  };
  return new MillraceError(code, definition, { cause });
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
