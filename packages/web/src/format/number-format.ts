import type { LiveValue, TileFormat } from 'millrace/wire';

const formats = new Map<string, Intl.NumberFormat>();

/** Making a formatter costs far more than using it. */
function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(navigator.language, options);
    formats.set(key, format);
  }
  return format;
}

/**
 * Numbers come as numbers or, where they are exact decimals or very large, as text. Undefined for anything
 * else.
 */
export function numberOf(value: LiveValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** What a column without a value shows. */
export const noValue = '–';

/** A number in words and digits of the reader's own language. */
export function formatNumber(value: number, format: TileFormat): string {
  const text = styled(value, format);
  const unit = format.unit?.trim();
  if (unit === undefined || unit === '') return text;
  return unit.startsWith('/') ? `${text}${unit}` : `${text} ${unit}`;
}

/** The same at the marks of an axis: without the unit, and no more decimals than the mark needs. */
export function formatMarkNumber(value: number, { unit: _unit, ...format }: TileFormat): string {
  return formatNumber(value, Number.isInteger(value) ? { ...format, decimals: 0 } : format);
}

function styled(value: number, { style, currency, decimals }: TileFormat): string {
  const digits =
    decimals === undefined ? {} : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  switch (style) {
    case 'percent':
      return numberFormat({ style: 'percent', maximumFractionDigits: 1, ...digits }).format(value);
    case 'currency':
      return numberFormat({ style: 'currency', currency: currency ?? 'EUR', ...digits }).format(value);
    case 'compact':
      return compact(value, digits);
    case 'duration':
      return formatDuration(value, decimals);
    case 'bytes':
      return formatBytes(value);
    case 'number':
    case 'time':
    case 'age':
    case 'text':
      return numberFormat({ maximumFractionDigits: defaultDigits(value), ...digits }).format(value);
  }
}

/** Three figures are enough to read; whole numbers stay whole. */
function defaultDigits(value: number): number {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return 0;
  return size >= 10 ? 1 : 2;
}

function compact(value: number, digits: Intl.NumberFormatOptions): string {
  if (Math.abs(value) < 10_000)
    return numberFormat({ maximumFractionDigits: defaultDigits(value), ...digits }).format(value);
  return numberFormat({ notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `240 ms`, `1.2 s`, `45 s`, `12 min`, `3.5 h`, `2 d`. */
export function formatDuration(ms: number, decimals?: number): string {
  const size = Math.abs(ms);
  const say = (value: number, unit: string, most: number) => {
    const maximumFractionDigits = decimals ?? most;
    return `${numberFormat({ maximumFractionDigits }).format(value)} ${unit}`;
  };
  if (size < 1_000) return say(ms, 'ms', size < 10 && size > 0 ? 1 : 0);
  if (size < minuteMs) return say(ms / 1_000, 's', size < 10_000 ? 1 : 0);
  if (size < hourMs) return say(ms / minuteMs, 'min', size < 10 * minuteMs ? 1 : 0);
  if (size < dayMs) return say(ms / hourMs, 'h', size < 10 * hourMs ? 1 : 0);
  return say(ms / dayMs, 'd', size < 10 * dayMs ? 1 : 0);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  const maximumFractionDigits = unit === 0 || Math.abs(value) >= 100 ? 0 : 1;
  return `${numberFormat({ maximumFractionDigits }).format(value)} ${units[unit]}`;
}
