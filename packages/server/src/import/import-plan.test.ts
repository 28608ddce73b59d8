import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '@millrace/core/base';
import { eventTypeOf, planImport, snakeCase } from './import-plan.ts';

const column = (name: string, type: string, range?: { min: number; max: number }) => ({ name, type, range });
const eventType = 'row';

test('names become snake_case, unique, short, and never a word of the system', () => {
  const columns = [
    'Order Total (€)',
    'orderTotal',
    'Größe',
    '価格',
    '重さ',
    '2024',
    'event_id',
    'ingest_seq',
    'x'.repeat(80),
    `${'x'.repeat(80)}y`,
    'HTTPStatus',
  ].map((name) => column(name, 'VARCHAR'));
  const names = planImport(columns, { eventType }).fields.map(({ name }) => name);
  assert.deepEqual(names, [
    'order_total',
    'order_total_2',
    'gro_e',
    'field',
    'field_2',
    'field_2024',
    'event_id_2',
    'ingest_seq_2',
    'x'.repeat(63),
    `${'x'.repeat(61)}_2`,
    'httpstatus',
  ]);
  for (const name of names) assert.match(name, /^[a-z][a-z0-9_]{0,62}$/);
  assert.equal(snakeCase('café Déjà', 'x'), 'cafe_deja');
});

test('types become kinds: numbers that JSON cannot hold are text, what has parts is JSON', () => {
  const cases: [string, string, { min: number; max: number }?][] = [
    ['BIGINT', 'integer', { min: 0, max: 5 }],
    ['BIGINT', 'integer'],
    ['BIGINT', 'text', { min: 0, max: 2 ** 53 }],
    ['HUGEINT', 'integer', { min: 0, max: 9 }],
    ['DECIMAL(18,0)', 'integer', { min: 0, max: 9 }],
    ['UBIGINT', 'text', { min: 0, max: 1.8e19 }],
    ['DECIMAL(18,2)', 'number'],
    ['DOUBLE', 'number'],
    ['BOOLEAN', 'boolean'],
    ['TIMESTAMP', 'timestamp'],
    ['TIMESTAMP WITH TIME ZONE', 'timestamp'],
    ['DATE', 'date'],
    ['TIME', 'text'],
    ['UUID', 'text'],
    ['BLOB', 'text'],
    ["ENUM('a', 'b')", 'text'],
    ['VARCHAR', 'text'],
    ['JSON', 'json'],
    ['BIGINT[]', 'json'],
    ['STRUCT(x BIGINT)', 'json'],
    ['MAP(VARCHAR, INTEGER)', 'json'],
  ];
  for (const [type, kind, range] of cases) {
    // The first column takes the part of the event time.
    const plan = planImport([column('at', 'TIMESTAMP'), column('a', type, range)], { eventType });
    assert.equal(plan.fields[0]?.kind, kind, type);
  }
});

test('the event time: a usual name first, then any time, then a number that reads as one by its name', () => {
  const timeOf = (...columns: ReturnType<typeof column>[]) => planImport(columns, { eventType }).time;
  assert.deepEqual(timeOf(column('shipped', 'DATE'), column('Created At', 'TIMESTAMP')), {
    name: 'Created At',
    unit: 'time',
  });
  assert.deepEqual(timeOf(column('n', 'BIGINT'), column('shipped', 'DATE')), {
    name: 'shipped',
    unit: 'time',
  });
  const epoch = { min: 1.7e9, max: 1.8e9 };
  assert.deepEqual(timeOf(column('ts', 'BIGINT', epoch)), { name: 'ts', unit: 's' });
  for (const [unit, factor] of [
    ['ms', 1e3],
    ['us', 1e6],
    ['ns', 1e9],
  ] as const) {
    const range = { min: epoch.min * factor, max: epoch.max * factor };
    assert.deepEqual(timeOf(column('timestamp', 'BIGINT', range)), { name: 'timestamp', unit });
  }
  assert.equal(timeOf(column('amount', 'BIGINT', epoch)), undefined);
  assert.equal(timeOf(column('time', 'BIGINT', { min: 0, max: 2400 })), undefined);
  // A time in the numbers of a usual name stays before a time of another name.
  assert.deepEqual(timeOf(column('seen', 'TIMESTAMP'), column('ts', 'BIGINT', epoch)), {
    name: 'ts',
    unit: 's',
  });
});

test('chosen columns win, and wrong ones are named', () => {
  const columns = [
    column('a', 'TIMESTAMP'),
    column('b', 'BIGINT', { min: 1e12, max: 2e12 }),
    column('c', 'VARCHAR'),
  ];
  const plan = planImport(columns, { eventType, timeColumn: 'b', idColumn: 'c' });
  assert.deepEqual(plan.time, { name: 'b', unit: 'ms' });
  assert.equal(plan.idColumn, 'c');
  assert.deepEqual(
    plan.fields.map(({ name }) => name),
    ['a'],
  );
  const refused = (choice: { timeColumn?: string; idColumn?: string }, reason: RegExp) =>
    assert.throws(
      () => planImport(columns, { eventType, ...choice }),
      (error: Error) =>
        isMillraceError(error) && error.code === 'IMPORT_BAD_PLAN' && reason.test(error.message),
    );
  refused({ timeColumn: 'c' }, /Column c is varchar and holds no times/);
  refused({ timeColumn: 'd' }, /no column d; it has a, b, c/);
  refused({ idColumn: 'd' }, /no column d/);
});

test('too many columns are refused', () => {
  const columns = Array.from({ length: 201 }, (_, i) => column(`c${i}`, 'VARCHAR'));
  assert.throws(() => planImport(columns, { eventType }), /201 columns; at most 200/);
});

test('the event type of a file', () => {
  assert.equal(eventTypeOf('/data/Orders 2024.csv'), 'orders_2024');
  assert.equal(eventTypeOf('2024.csv.gz'), 'event_2024');
  assert.equal(eventTypeOf('dead-letters.csv'), 'event_dead_letters');
  assert.equal(eventTypeOf('日本.parquet'), 'event');
});
