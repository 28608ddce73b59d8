import { sourcesError } from './errors.ts';

const DAY_US = 86_400_000_000n;
/** Java's: what Debezium writes for an interval's month, 365.25 / 12 days. */
const MONTH_US = 2_629_800_000_000n;

/** Days since 1970 of a date of the server (`2024-02-29`, `0044-03-15 BC`), proleptic Gregorian. */
export function daysOf(text: string): bigint {
  const match = /^(\d+)-(\d\d)-(\d\d)( BC)?$/.exec(text);
  if (match === null) throw bad('date');
  const year = match[4] === undefined ? BigInt(match[1]!) : 1n - BigInt(match[1]!);
  return civilDays(year, BigInt(match[2]!), BigInt(match[3]!));
}

function civilDays(year: bigint, month: bigint, day: bigint): bigint {
  const shifted = month <= 2n ? year - 1n : year;
  const era = (shifted >= 0n ? shifted : shifted - 399n) / 400n;
  const yearOfEra = shifted - era * 400n;
  const dayOfYear = (153n * (month + (month > 2n ? -3n : 9n)) + 2n) / 5n + day - 1n;
  const dayOfEra = yearOfEra * 365n + yearOfEra / 4n - yearOfEra / 100n + dayOfYear;
  return era * 146_097n + dayOfEra - 719_468n;
}

/** Microseconds of a clock time such as `23:59:59.5` or `-100:00:00`. */
export function clockUs(text: string): bigint {
  const match = /^([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw bad('time');
  const seconds = (BigInt(match[2]!) * 60n + BigInt(match[3]!)) * 60n + BigInt(match[4]!);
  const us = seconds * 1_000_000n + BigInt((match[5] ?? '').padEnd(6, '0'));
  return match[1] === '-' ? -us : us;
}

/** Microseconds since 1970 of a timestamp without zone, as if it were UTC. */
export function timestampUs(text: string): bigint {
  const match = /^(\d+-\d\d-\d\d) ([\d:.]+)( BC)?$/.exec(text);
  if (match === null) throw bad('timestamp');
  return daysOf(match[1]! + (match[3] ?? '')) * DAY_US + clockUs(match[2]!);
}

/** `2024-02-29 10:34:56.789012+00`, of a session in UTC, as ISO 8601. */
export function instantText(text: string): string {
  const match = /^(\d+)(-\d\d-\d\d) ([\d:.]+)\+00( BC)?$/.exec(text);
  if (match === null) throw bad('timestamptz');
  const [, digits = '', date = '', clock = '', era] = match;
  return `${isoYear(digits, era !== undefined)}${date}T${clock}Z`;
}

function isoYear(digits: string, isBefore: boolean): string {
  if (isBefore) {
    const year = BigInt(digits) - 1n;
    return year === 0n ? '0000' : `-${String(year).padStart(4, '0')}`;
  }
  return digits.length > 4 ? `+${digits}` : digits;
}

/** Microseconds of an interval in the style `postgres`, a month as 365.25 / 12 days. */
export function intervalUs(text: string): bigint {
  let us = 0n;
  const rest = text.replace(/([+-]?\d+) (year|mon|day)s?/g, (_, count: string, unit: string) => {
    const each = unit === 'day' ? DAY_US : unit === 'mon' ? MONTH_US : 12n * MONTH_US;
    us += BigInt(count) * each;
    return '';
  });
  const clock = rest.trim();
  return clock === '' ? us : us + clockUs(clock);
}

function bad(type: string): Error {
  return sourcesError('SOURCES_BAD_VALUE', { details: { type } });
}
