import type { LiveValue, TileFormat } from 'millrace/wire';
import { formatNumber, noValue, numberOf } from './number-format.ts';
import { formatAge, formatTime, timeOf } from './time-format.ts';

/** Any value in the given format; what cannot be read as the format wants is shown as it is. */
export function formatValue(value: LiveValue | undefined, format: TileFormat, nowMs: number): string {
  if (value === null || value === undefined) return noValue;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (format.style === 'text') return String(value);
  if (format.style === 'time' || format.style === 'age') {
    const ms = timeOf(value);
    if (ms === undefined) return String(value);
    return format.style === 'age' ? formatAge(ms, nowMs) : formatTime(ms, nowMs);
  }
  const number = numberOf(value);
  return number === undefined ? String(value) : formatNumber(number, format);
}

/** `events_per_second` → `Events per second`; `orders.top_products` → `Top products`. */
export function titleOf(column: string): string {
  const words = (column.split('.').at(-1) ?? column)
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .trim()
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
