import assert from 'node:assert/strict';
import { test } from 'node:test';

// The reader's language is read when the modules are loaded.
Object.defineProperty(navigator, 'language', { value: 'en-US' });
const { formatFigure } = await import('./figure-format.ts');
const { formatBytes, formatDuration, formatMarkNumber, formatNumber, numberOf } =
  await import('./number-format.ts');
const { areDays, formatAge, formatDay, timeOf } = await import('./time-format.ts');
const { formatValue, titleOf } = await import('./value-format.ts');

test('numbers keep three figures where more would not be read', () => {
  const plain = (value: number) => formatNumber(value, { style: 'number' });
  assert.deepEqual([0.1234, 3.456, 34.56, 345.6, 1_234_567].map(plain), [
    '0.12',
    '3.46',
    '34.6',
    '346',
    '1,234,567',
  ]);
  const compact = (value: number) => formatNumber(value, { style: 'compact' });
  assert.deepEqual([9_999, 12_345, 1_234_567].map(compact), ['9,999', '12.3K', '1.23M']);
});

test('percent, currency, units and decimals', () => {
  assert.equal(formatNumber(0.2049, { style: 'percent' }), '20.5%');
  assert.equal(formatNumber(49_277, { style: 'currency', currency: 'EUR', decimals: 0 }), '€49,277');
  assert.equal(formatNumber(192.4, { style: 'number', unit: '/s', decimals: 0 }), '192/s');
  assert.equal(formatNumber(12, { style: 'number', unit: ' min' }), '12 min');
  assert.equal(formatMarkNumber(200, { style: 'currency', currency: 'EUR', unit: '/s' }), '€200');
});

test('durations and sizes take the unit that fits', () => {
  const durations = [0, 0.4, 42, 999, 1_200, 45_000, 150_000, 7_200_000, 200_000_000].map((ms) =>
    formatDuration(ms),
  );
  assert.deepEqual(durations, [
    '0 ms',
    '0.4 ms',
    '42 ms',
    '999 ms',
    '1.2 s',
    '45 s',
    '2.5 min',
    '2 h',
    '2.3 d',
  ]);
  assert.deepEqual([512, 4_100, 412e6].map(formatBytes), ['512 B', '4.1 kB', '412 MB']);
});

test('a figure is formatted by the unit in its name', () => {
  assert.equal(formatFigure('avg_latency_ms', 1_800), '1.8 s');
  assert.equal(formatFigure('event_loop_delay_ms_p99', 9.2), '9.2 ms');
  assert.equal(formatFigure('events_per_second', 3.2), '3.2/s');
  assert.equal(formatFigure('rss_bytes', 412e6), '412 MB');
  assert.equal(formatFigure('lag_records', 12_000), '12K');
});

test('values that do not fit their format are shown as they are', () => {
  assert.equal(formatValue('kettle', { style: 'number' }, 0), 'kettle');
  assert.equal(formatValue(null, { style: 'number' }, 0), '–');
  assert.equal(formatValue('1.25', { style: 'number' }, 0), '1.25');
  assert.equal(formatValue('soon', { style: 'age' }, 0), 'soon');
  assert.equal(formatValue(0, { style: 'age' }, 90_000), '2 min ago');
  assert.equal(formatValue(true, { style: 'text' }, 0), 'yes');
});

test('what is a number and what is a time', () => {
  assert.deepEqual(['1.5', '', ' ', 'x', null, true, 7].map(numberOf), [
    1.5,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    7,
  ]);
  assert.equal(timeOf('2026-11-23 10:00:00'), Date.UTC(2026, 10, 23, 10));
  assert.equal(timeOf('2026-11-23T10:00:00+01:00'), Date.UTC(2026, 10, 23, 9));
  assert.equal(timeOf('kettle 2026'), undefined);
  assert.equal(formatAge(1_000, 2_500), 'just now');
  assert.equal(formatAge(0, 12_900), '12 s ago');
});

test('columns and names become titles', () => {
  assert.deepEqual(['orders.top_products', 'checkout_started', 'avgLatency'].map(titleOf), [
    'Top products',
    'Checkout started',
    'Avg latency',
  ]);
});

test('days are days of UTC, wherever the reader is', () => {
  const days = ['2026-11-22', '2026-11-23T00:00:00.000'].map((text) => timeOf(text) ?? 0);
  assert.ok(areDays(days));
  assert.equal(areDays([...days, 1]), false);
  assert.equal(formatDay(days[1] ?? 0), 'Nov 23');
});
