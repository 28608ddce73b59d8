import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlValue } from '@millrace/core/warehouse';
import { openDuckdbWarehouse, type DuckdbWarehouse } from './index.ts';

let folder: string;
let warehouse: DuckdbWarehouse;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-values-'));
  warehouse = await openDuckdbWarehouse({ folder });
});

after(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

const CASES: readonly (readonly [sql: string, type: string, value: SqlValue])[] = [
  ['true', 'BOOLEAN', true],
  ['1::tinyint', 'TINYINT', 1],
  ['(-1)::smallint', 'SMALLINT', -1],
  ['7', 'INTEGER', 7],
  ['4294967295::uinteger', 'UINTEGER', 4_294_967_295],
  ['9007199254740991::bigint', 'BIGINT', 9_007_199_254_740_991],
  ['9007199254740992::bigint', 'BIGINT', '9007199254740992'],
  ['(-9223372036854775808)::bigint', 'BIGINT', '-9223372036854775808'],
  ['18446744073709551615::ubigint', 'UBIGINT', '18446744073709551615'],
  ['sum(3::bigint)', 'HUGEINT', 3],
  ['170141183460469231731687303715884105727::hugeint', 'HUGEINT', '170141183460469231731687303715884105727'],
  ['0.1::double', 'DOUBLE', 0.1],
  ['0.5::float', 'FLOAT', 0.5],
  ['1.10::decimal(4,2)', 'DECIMAL(4,2)', '1.10'],
  ['(-0.05)::decimal(18,2)', 'DECIMAL(18,2)', '-0.05'],
  ['12345678901234567890.12::decimal(38,2)', 'DECIMAL(38,2)', '12345678901234567890.12'],
  ["'ü'", 'VARCHAR', 'ü'],
  ['\'{"a": 1}\'::json', 'JSON', '{"a": 1}'],
  ["timestamp '2026-03-01 12:00:00'", 'TIMESTAMP', '2026-03-01T12:00:00.000'],
  ["timestamp '2026-03-01 12:00:00.123456'", 'TIMESTAMP', '2026-03-01T12:00:00.123456'],
  ["timestamp '1969-12-31 23:59:59.5'", 'TIMESTAMP', '1969-12-31T23:59:59.500'],
  ["timestamp 'infinity'", 'TIMESTAMP', 'infinity'],
  ["timestamptz '2026-03-01 13:00:00+01'", 'TIMESTAMP WITH TIME ZONE', '2026-03-01T12:00:00.000'],
  ["timestamp_s '2026-03-01 12:00:00'", 'TIMESTAMP_S', '2026-03-01T12:00:00.000'],
  ["timestamp_ms '2026-03-01 12:00:00.25'", 'TIMESTAMP_MS', '2026-03-01T12:00:00.250'],
  ["timestamp_ns '2026-03-01 12:00:00.000000001'", 'TIMESTAMP_NS', '2026-03-01T12:00:00.000000001'],
  ["date '2026-03-01'", 'DATE', '2026-03-01'],
  ["date '0001-01-01'", 'DATE', '0001-01-01'],
  ["time '12:34:56.5'", 'TIME', '12:34:56.5'],
  ["'x'::enum('x', 'y')", "ENUM('x', 'y')", 'x'],
  ["uuid '00000000-0000-0000-0000-000000000001'", 'UUID', '00000000-0000-0000-0000-000000000001'],
  ['[1, null]', 'INTEGER[]', '[1,null]'],
  ["{'a': 1, 'b': ['x']}", 'STRUCT("a" INTEGER, "b" VARCHAR[])', '{"a":1,"b":["x"]}'],
  ['null', 'INTEGER', null],
];

test('every type crosses as the port says', async () => {
  for (const [sql, type, value] of CASES) {
    const { columns, types } = await warehouse.query(`select ${sql}`);
    assert.deepEqual([columns[0]![0], types[0]], [value, type], sql);
  }
});

test('nulls and values alternate without a shift', async () => {
  const sql =
    "select case when i % 3 = 0 then null else i end a, case when i % 2 = 0 then null else 's' || i end b from range(5000) r(i)";
  const { columns } = await warehouse.query(sql);
  for (let i = 0; i < 5000; i++) {
    assert.equal(columns[0]![i], i % 3 === 0 ? null : i);
    assert.equal(columns[1]![i], i % 2 === 0 ? null : `s${i}`);
  }
});

test('a result without rows has names and types', async () => {
  const { names, types, columns } = await warehouse.query('select 1 a, 2 a where false');
  assert.deepEqual(
    [names, types, columns],
    [
      ['a', 'a'],
      ['INTEGER', 'INTEGER'],
      [[], []],
    ],
  );
});
