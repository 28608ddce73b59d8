import { isMillraceError, messageOf, MillraceError, type ErrorKind } from '../base/index.ts';

/**
 * A `MillraceError` as plain data, for crossing from thread to thread: structured clone would drop code and
 * kind.
 */
export interface ErrorMessage {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly remedy: string;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** Stack or message of what caused it. */
  readonly cause: string | undefined;
}

/**
 * Anything else that was thrown becomes `WAREHOUSE_STATEMENT_FAILED`-like data: kind `fatal`, code
 * `UNEXPECTED`.
 */
export function toErrorMessage(error: unknown): ErrorMessage {
  if (!isMillraceError(error)) {
    const cause = error instanceof Error ? error.stack : undefined;
    const remedy = 'This is a bug of Millrace; the cause belongs into a report.';
    return {
      code: 'UNEXPECTED',
      kind: 'fatal',
      message: messageOf(error),
      remedy,
      retryAfterMs: undefined,
      details: {},
      cause,
    };
  }
  return {
    code: error.code,
    kind: error.kind,
    message: error.message,
    remedy: error.remedy,
    retryAfterMs: error.retryAfterMs,
    details: cloneable(error.details),
    cause: error.cause === undefined ? undefined : messageOf(error.cause),
  };
}

export function fromErrorMessage(message: ErrorMessage): MillraceError {
  const { code, kind, remedy, retryAfterMs, details, cause } = message;
  const definition = { kind, cause: message.message, remedy };
  return new MillraceError(code, definition, {
    details,
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function cloneable(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(details);
  } catch {
    return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)]));
  }
}
