/**
 * What the engine does with a failure:
 * - `config`: refuse to start, name the key or file;
 * - `input`: this record or request only; dead-letter or reject it and go on;
 * - `transient`: back off (`retryAfterMs`) and try again;
 * - `fenced`: ownership was lost; drop the work and rejoin;
 * - `fatal`: stop this part and alert;
 * - `aborted`: somebody asked to stop; not logged as an error.
 */
export type ErrorKind = 'config' | 'input' | 'transient' | 'fenced' | 'fatal' | 'aborted';

/** One entry of a room's error table (`errors.ts` of that room). */
export interface ErrorDefinition {
  readonly kind: ErrorKind;
  /** One sentence: what happened. */
  readonly cause: string;
  /** One sentence that a user can act on. */
  readonly remedy: string;
}

export interface ErrorOptions {
  /** Replaces the definition's cause as the message. Never holds a secret. */
  readonly message?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

const brand = Symbol.for('millrace.error');

/**
 * The one error type of Millrace. `code` names the failure (room first, such as `LOG_CORRUPT_SEGMENT`),
 * `kind` instructs the engine, `remedy` tells a user what to do.
 *
 * @example
 * ```ts
 * import { MillraceError } from '@millrace/core/base';
 * const full = new MillraceError('LOG_DISK_FULL', {
 *   kind: 'transient', cause: 'The disk is full.', remedy: 'Free space; accepting resumes by itself.',
 * });
 * ```
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly remedy: string;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [brand] = true;

  constructor(code: string, definition: ErrorDefinition, options: ErrorOptions = {}) {
    super(options.message ?? definition.cause, { cause: options.cause });
    this.code = code;
    this.kind = definition.kind;
    this.remedy = definition.remedy;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }
}

/** True for a `MillraceError` of this or another loaded copy of the class (brand, not `instanceof`). */
export function isMillraceError(error: unknown): error is MillraceError {
  return typeof error === 'object' && error !== null && (error as { [brand]?: unknown })[brand] === true;
}

/**
 * Binds a room's error table to a constructor: `const fail = errorsOf(LOG_ERRORS); throw fail('LOG_CLOSED')`.
 */
export function errorsOf<Table extends Readonly<Record<string, ErrorDefinition>>>(
  table: Table,
): (code: keyof Table & string, options?: ErrorOptions) => MillraceError {
  return (code, options) => new MillraceError(code, table[code] as ErrorDefinition, options);
}

/** A bug of ours: never caught to go on, it ends the process. */
export class BugError extends Error {
  override readonly name = 'BugError';
}

/** Throws `BugError` when a condition that our own code guarantees does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
