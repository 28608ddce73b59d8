import { Compile, type Validator } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import type { TSchema } from 'typebox';
import { timestampMs } from '../base/index.ts';
import { decimalOf } from './schema-columns.ts';
import type { Column } from './table-schema.ts';

/** Why an event does not fit its contract. */
export interface Violation {
  /** JSON pointer to the field (`/amount`); empty for the event itself. */
  readonly path: string;
  /** `/amount must be number`. */
  readonly message: string;
}

/** The longest `event_id`, in UTF-8 bytes. */
export const EVENT_ID_BYTES_MAX = 128;

export interface EventValidatorOptions {
  readonly name: string;
  readonly schema: TSchema;
  readonly idField: string;
  readonly timeField: string;
  /** The columns of the schema's own fields. */
  readonly columns: readonly Column[];
}

/**
 * Checks events of one type: a fast path that only says yes or no, and a slow one that finds the reason.
 * Beyond the schema it refuses what a column could not hold (integers beyond 2^53, dates that do not exist),
 * so that whatever is accepted can be loaded.
 */
export class EventValidator {
  readonly #name: string;
  readonly #idField: string;
  readonly #timeField: string;
  readonly #compiled: Validator;
  readonly #integers: readonly string[];
  readonly #timestamps: readonly string[];
  readonly #decimals: readonly { readonly name: string; readonly below: number }[];

  constructor(options: EventValidatorOptions) {
    this.#name = options.name;
    this.#idField = options.idField;
    this.#timeField = options.timeField;
    this.#compiled = Compile(options.schema);
    this.#integers = namesOf(options.columns, 'bigint');
    this.#timestamps = namesOf(options.columns, 'timestamp');
    this.#decimals = options.columns.flatMap((column) => {
      const decimal = decimalOf(column.type);
      return decimal === undefined
        ? []
        : [{ name: column.name, below: 10 ** (decimal.precision - decimal.scale) }];
    });
  }

  /** The fast path. Never throws. */
  isValid(event: unknown): boolean {
    if (typeof event !== 'object' || event === null) return false;
    const fields = event as Record<string, unknown>;
    return (
      fields['event_type'] === this.#name &&
      isEventId(fields[this.#idField]) &&
      !Number.isNaN(timestampMs(fields[this.#timeField])) &&
      this.#compiled.Check(event) &&
      this.#fitsColumns(fields)
    );
  }

  /** The slow path: undefined when the event fits. */
  violation(event: unknown): Violation | undefined {
    if (typeof event !== 'object' || event === null || Array.isArray(event)) {
      return { path: '', message: 'an event must be a JSON object' };
    }
    const fields = event as Record<string, unknown>;
    return this.#systemViolation(fields) ?? this.#schemaViolation(event) ?? this.#columnViolation(fields);
  }

  #systemViolation(fields: Record<string, unknown>): Violation | undefined {
    if (fields['event_type'] !== this.#name) {
      return violationAt('event_type', `must be '${this.#name}'`);
    }
    if (!isEventId(fields[this.#idField])) {
      return violationAt(this.#idField, `must be text of 1 to ${EVENT_ID_BYTES_MAX} bytes`);
    }
    if (Number.isNaN(timestampMs(fields[this.#timeField]))) {
      return violationAt(
        this.#timeField,
        'must be an ISO 8601 time with zone (2026-03-01T12:00:00Z) or integer milliseconds since 1970',
      );
    }
    return undefined;
  }

  #schemaViolation(event: object): Violation | undefined {
    const errors = this.#compiled.Errors(event);
    if (errors.length === 0) return undefined;
    // A union reports each branch before itself, a closed object each surplus field: the general message is
    // the one to act on.
    const general = errors.find(
      (error) => error.keyword === 'anyOf' || error.keyword === 'additionalProperties',
    );
    const chosen = general ?? errors[0]!;
    return { path: chosen.instancePath, message: `${chosen.instancePath} ${messageOf(chosen)}`.trim() };
  }

  #fitsColumns(fields: Record<string, unknown>): boolean {
    for (let i = 0; i < this.#integers.length; i++) {
      if (!isStorableInteger(fields[this.#integers[i]!])) return false;
    }
    for (let i = 0; i < this.#timestamps.length; i++) {
      if (!isStorableTimestamp(fields[this.#timestamps[i]!])) return false;
    }
    for (let i = 0; i < this.#decimals.length; i++) {
      const decimal = this.#decimals[i]!;
      if (!isStorableDecimal(fields[decimal.name], decimal.below)) return false;
    }
    return true;
  }

  #columnViolation(fields: Record<string, unknown>): Violation | undefined {
    const integer = this.#integers.find((name) => !isStorableInteger(fields[name]));
    if (integer !== undefined)
      return violationAt(integer, 'must be an integer between -(2^53 - 1) and 2^53 - 1');
    const timestamp = this.#timestamps.find((name) => !isStorableTimestamp(fields[name]));
    if (timestamp !== undefined)
      return violationAt(timestamp, 'must be a time that exists, with zone, in years 1 to 9999');
    const decimal = this.#decimals.find(({ name, below }) => !isStorableDecimal(fields[name], below));
    if (decimal !== undefined)
      return violationAt(decimal.name, `must be below ${decimal.below} and above -${decimal.below}`);
    return undefined;
  }
}

/**
 * True for text of 1 to 128 UTF-8 bytes without lone surrogates (those have no UTF-8, so two of them would
 * look alike).
 */
export function isEventId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > EVENT_ID_BYTES_MAX) return false;
  let bytes = value.length;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) continue;
    if (code >= 0xd800 && code < 0xe000) return isSurrogateId(value);
    bytes += code < 0x800 ? 1 : 2;
  }
  return bytes <= EVENT_ID_BYTES_MAX;
}

function isSurrogateId(value: string): boolean {
  return value.isWellFormed() && new TextEncoder().encode(value).length <= EVENT_ID_BYTES_MAX;
}

function isStorableInteger(value: unknown): boolean {
  return typeof value !== 'number' || Number.isSafeInteger(value);
}

function isStorableTimestamp(value: unknown): boolean {
  return value === undefined || value === null || !Number.isNaN(timestampMs(value));
}

function isStorableDecimal(value: unknown, below: number): boolean {
  // One whole unit of distance, because rounding to the scale may carry into the next digit.
  return typeof value !== 'number' || Math.abs(value) <= below - 1;
}

function messageOf(error: TLocalizedValidationError): string {
  if (error.keyword === 'additionalProperties') {
    return `${error.message}: ${error.params.additionalProperties.join(', ')}`;
  }
  if (error.keyword === 'enum') return `must be one of ${JSON.stringify(error.params.allowedValues)}`;
  if (error.keyword === 'const') return `must be ${JSON.stringify(error.params.allowedValue)}`;
  return error.message;
}

function violationAt(field: string, message: string): Violation {
  return { path: `/${field}`, message: `/${field} ${message}` };
}

function namesOf(columns: readonly Column[], type: Column['type']): string[] {
  return columns.filter((column) => column.type === type).map((column) => column.name);
}
