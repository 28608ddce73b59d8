import { assert, timestampMs } from '../base/index.ts';
import type { ColumnType } from '../contract/index.ts';
import type { AppendValue } from './append-session.ts';

/** The value cannot be converted to the column. */
export const UNFIT = Symbol('unfit');
/**
 * `JSON.parse` may have dropped digits of a number that this column would keep: parse the event again with
 * `parseExactly` and encode its fields anew.
 */
export const INEXACT = Symbol('inexact');

/**
 * Converts a field of a parsed event to what an appender takes. Pure; called once an event and column, so it
 * returns sentinels instead of throwing. Fields of `parseExactly` are never `INEXACT`.
 */
export type ColumnEncoder = (value: unknown) => AppendValue | typeof UNFIT | typeof INEXACT;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DAY_MS = 86_400_000;
/** Up to 15 digits survive the way through a double. */
const MANY_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** The encoder of a column type. JSON null and an absent field are null in every type. */
export function columnEncoder(type: ColumnType): ColumnEncoder {
  switch (type) {
    case 'varchar':
      return encodeText;
    case 'bigint':
      return encodeInteger;
    case 'double':
      return encodeDouble;
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : value == null ? null : UNFIT);
    case 'timestamp':
      return encodeTimestamp;
    case 'date':
      return encodeDate;
    case 'json':
      return encodeJson;
    default:
      return decimalEncoder(type);
  }
}

/** A number as it was written. Only `parseExactly` makes them. */
interface RawJson {
  readonly rawJSON: string;
}

// ES2026 (source text access); the compiler's library does not know it yet.
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

/**
 * Like `JSON.parse`, but numbers keep all their digits: several times slower, for the events that need it.
 */
export function parseExactly(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? json.rawJSON(source) : value,
  );
}

/** The text of a number: as written where it was parsed exactly. */
function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' && json.isRawJSON(value) ? value.rawJSON : undefined;
}

function encodeText(value: unknown): AppendValue | typeof UNFIT {
  if (typeof value === 'string') return value;
  if (value == null) return null;
  return typeof value === 'boolean' ? String(value) : (numberText(value) ?? UNFIT);
}

function encodeInteger(value: unknown): AppendValue | typeof UNFIT | typeof INEXACT {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value;
    return Number.isInteger(value) ? INEXACT : UNFIT;
  }
  if (value == null) return null;
  const text = typeof value === 'string' ? value : numberText(value);
  if (text === undefined) return UNFIT;
  if (!INTEGER.test(text)) return typeof value === 'string' ? UNFIT : encodeInteger(wholeOf(text));
  const integer = BigInt(text);
  return integer >= INT64_MIN && integer <= INT64_MAX ? integer : UNFIT;
}

/** The integer that text like `1e17` or `5.0` stands for; the text itself when it is none. */
function wholeOf(text: string): string {
  const scaled = scaledDecimal(text, 0);
  return scaled !== undefined && scaled.isExact ? scaled.value.toString() : text;
}

function encodeDouble(value: unknown): AppendValue | typeof UNFIT {
  if (typeof value === 'number') return Number.isFinite(value) ? value : UNFIT;
  if (value == null) return null;
  const text = typeof value === 'string' ? undefined : numberText(value);
  return text === undefined ? UNFIT : encodeDouble(Number(text));
}

function encodeTimestamp(value: unknown): AppendValue | typeof UNFIT {
  if (value == null) return null;
  const text = typeof value === 'object' ? numberText(value) : undefined;
  const ms = timestampMs(text === undefined ? value : Number(text));
  return Number.isNaN(ms) ? UNFIT : ms;
}

function encodeDate(value: unknown): AppendValue | typeof UNFIT {
  if (value == null) return null;
  if (typeof value !== 'string' || !DATE.test(value)) return UNFIT;
  const ms = timestampMs(`${value}T00:00:00Z`);
  return Number.isNaN(ms) ? UNFIT : ms / DAY_MS;
}

function encodeJson(value: unknown): AppendValue | typeof INEXACT {
  if (value == null) return null;
  const text = JSON.stringify(value);
  // Digits in a text field look the same: then the second parse changes nothing.
  return MANY_DIGITS.test(text) && !isExact(value) ? INEXACT : text;
}

/** True for a field that came from `parseExactly`, or that holds no number. */
function isExact(value: unknown): boolean {
  if (typeof value === 'number') return false;
  if (typeof value !== 'object' || value === null || json.isRawJSON(value)) return true;
  return Object.values(value).every(isExact);
}

function decimalEncoder(type: string): ColumnEncoder {
  const match = /^decimal\((\d+),(\d+)\)$/.exec(type);
  assert(match !== null, `no such column type: ${type}`);
  const scale = Number(match[2]);
  const limit = 10n ** BigInt(match[1]!);
  const factor = 10 ** scale;
  const fastMax = Math.min(10 ** 15, Number(limit)) - 1;
  return (value) => {
    if (typeof value === 'number') {
      const scaled = Math.round(value * factor);
      // Division rounds correctly, so equality says that `value` is the double nearest to scaled / 10^scale;
      // and up to 15 digits no other decimal has the same nearest double.
      if (scaled / factor === value && Math.abs(scaled) <= fastMax) return scaled;
      const text = String(value);
      return MANY_DIGITS.test(text.replace('.', '')) ? INEXACT : encodeDecimalText(text, scale, limit);
    }
    if (value == null) return null;
    const text = typeof value === 'string' ? value : numberText(value);
    return text === undefined ? UNFIT : encodeDecimalText(text, scale, limit);
  };
}

function encodeDecimalText(text: string, scale: number, limit: bigint): AppendValue | typeof UNFIT {
  const scaled = scaledDecimal(text, scale);
  if (scaled === undefined || scaled.value >= limit || scaled.value <= -limit) return UNFIT;
  return scaled.value;
}

/**
 * `text` times 10^scale, rounded half away from zero as SQL engines do; undefined when it is no decimal
 * number.
 */
function scaledDecimal(text: string, scale: number): { value: bigint; isExact: boolean } | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = '', exponent = '0'] = match;
  const digits = whole! + fraction;
  const shift = scale - fraction.length + Number(exponent);
  if (Math.abs(shift) > 400) return undefined;
  const unsigned = BigInt(digits);
  if (shift >= 0) {
    const value = unsigned * 10n ** BigInt(shift);
    return { value: sign === '-' ? -value : value, isExact: true };
  }
  const divisor = 10n ** BigInt(-shift);
  const value = (unsigned * 2n + divisor) / (divisor * 2n);
  return { value: sign === '-' ? -value : value, isExact: value * divisor === unsigned };
}
