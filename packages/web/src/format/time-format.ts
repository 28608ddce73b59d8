import type { LiveValue } from 'millrace/wire';
import { formatDuration } from './number-format.ts';

const clockTime = new Intl.DateTimeFormat(navigator.language, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const shortTime = new Intl.DateTimeFormat(navigator.language, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(navigator.language, { day: 'numeric', month: 'short' });
const utcDay = new Intl.DateTimeFormat(navigator.language, {
  day: 'numeric',
  month: 'short',
  timeZone: 'UTC',
});
const dayAndTime = new Intl.DateTimeFormat(navigator.language, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const dayAndSecond = new Intl.DateTimeFormat(navigator.language, {
  dateStyle: 'medium',
  timeStyle: 'medium',
});

/**
 * Milliseconds, or ISO text; text without a zone is UTC, as the warehouse gives it. Undefined for anything
 * else.
 */
export function timeOf(value: LiveValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const isDate = /^\d{4}-\d{2}-\d{2}/.test(value);
  if (!isDate) return undefined;
  const zoned =
    /(Z|[+-]\d{2}:?\d{2})$/.test(value) || value.length === 10 ? value : `${value.replace(' ', 'T')}Z`;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? undefined : ms;
}

export function formatWhole(ms: number): string {
  return dayAndSecond.format(ms);
}

/** As much as is needed today: the time, or the day as well. */
export function formatTime(ms: number, nowMs: number): string {
  const sameDay = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return sameDay ? clockTime.format(ms) : dayAndTime.format(ms);
}

/** True for the days of the warehouse: they begin in UTC wherever the reader is. */
export function areDays(timesMs: readonly number[]): boolean {
  return timesMs.length > 0 && timesMs.every((timeMs) => timeMs % 86_400_000 === 0);
}

export function formatDay(ms: number): string {
  return utcDay.format(ms);
}

/** What an axis that spans so much says at a mark. */
export function formatMark(ms: number, spanMs: number): string {
  if (spanMs <= 120_000) return clockTime.format(ms);
  if (spanMs <= 26 * 3_600_000) return shortTime.format(ms);
  const date = new Date(ms);
  return date.getHours() === 0 && date.getMinutes() === 0 ? day.format(ms) : shortTime.format(ms);
}

/** `just now`, `12 s ago`, `3 min ago`. */
export function formatAge(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (age < 0) return formatTime(ms, nowMs);
  if (age < 2_000) return 'just now';
  const whole = age < 60_000 ? Math.floor(age / 1_000) * 1_000 : age;
  return `${formatDuration(whole, age < 3_600_000 ? 0 : 1)} ago`;
}
