import { formatBytes, formatDuration, formatNumber } from './number-format.ts';

/** A system figure by its name: the unit stands last in it, or before the statistic (`_ms_p99`). */
export function formatFigure(name: string, value: number): string {
  if (/_ms(_p\d+|_max)?$/.test(name)) return formatDuration(value);
  if (name.endsWith('_bytes')) return formatBytes(value);
  if (name.endsWith('_per_second')) return formatNumber(value, { style: 'number', unit: '/s' });
  return formatNumber(value, { style: 'compact' });
}
