/** 0001-01-01T00:00:00Z, the earliest time that an event can carry. */
export const TIMESTAMP_MS_MIN = -62_135_596_800_000;
/** 9999-12-31T23:59:59.999Z, the latest. */
export const TIMESTAMP_MS_MAX = 253_402_300_799_999;

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS_BEFORE_1970 = 719_162;

const ZERO = 48;
const DASH = 45;
const COLON = 58;
const POINT = 46;
const PLUS = 43;

/**
 * Milliseconds since the epoch of an event's time: integer milliseconds, or RFC 3339 text with a zone
 * (`2026-03-01T12:00:00.250Z`, `2026-03-01T13:00:00+01:00`; digits below the millisecond are cut off).
 * `NaN` for anything else: a missing zone, a day that the month lacks, years outside 1 to 9999.
 */
export function timestampMs(value: unknown): number {
  if (typeof value === 'string') return parseTimestampMs(value);
  if (typeof value !== 'number' || !Number.isInteger(value)) return NaN;
  return value >= TIMESTAMP_MS_MIN && value <= TIMESTAMP_MS_MAX ? value : NaN;
}

// By hand: four times as fast as Date.parse, and without its leniency (`2026-02-30`, missing zones).
function parseTimestampMs(text: string): number {
  if (text.length < 20 || text.length > 35) return NaN;
  const separator = text.charCodeAt(10) | 32;
  if (
    text.charCodeAt(4) !== DASH ||
    text.charCodeAt(7) !== DASH ||
    separator !== 116 ||
    text.charCodeAt(13) !== COLON ||
    text.charCodeAt(16) !== COLON
  ) {
    return NaN;
  }
  const days = daysSinceEpoch(digits(text, 0) * 100 + digits(text, 2), digits(text, 5), digits(text, 8));
  const hour = digits(text, 11);
  const minute = digits(text, 14);
  const second = digits(text, 17);
  if (!(hour < 24 && minute < 60 && second < 60)) return NaN;

  let at = 19;
  let fractionMs = 0;
  if (text.charCodeAt(at) === POINT) {
    const first = ++at;
    let unit = 100;
    for (; isDigit(text.charCodeAt(at)); at++) {
      fractionMs += (text.charCodeAt(at) - ZERO) * unit;
      unit = unit > 1 ? unit / 10 : 0;
    }
    if (at === first || at - first > 9) return NaN;
  }
  const ms =
    days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + fractionMs - offsetMs(text, at);
  return ms >= TIMESTAMP_MS_MIN && ms <= TIMESTAMP_MS_MAX ? ms : NaN;
}

/** The zone at the text's end. */
function offsetMs(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if ((sign | 32) === 122) return text.length === at + 1 ? 0 : NaN;
  if ((sign !== PLUS && sign !== DASH) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON)
    return NaN;
  const hours = digits(text, at + 1);
  const minutes = digits(text, at + 4);
  if (!(hours < 24 && minutes < 60)) return NaN;
  return (hours * 60 + minutes) * (sign === PLUS ? 60_000 : -60_000);
}

function daysSinceEpoch(year: number, month: number, day: number): number {
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return NaN;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > DAYS_IN_MONTH[month - 1]! + (isLeap && month === 2 ? 1 : 0)) return NaN;
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const leapDay = isLeap && month > 2 ? 1 : 0;
  return before * 365 + leapDays + DAYS_BEFORE_MONTH[month - 1]! + leapDay + day - 1 - DAYS_BEFORE_1970;
}

/** Two decimal digits; `NaN` when they are none. */
function digits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= 57;
}
