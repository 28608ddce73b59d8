import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseArray } from './postgres-array.ts';
import { type DecimalMode, type PgType, PgTypes } from './postgres-types.ts';

const names = ['int4', 'int8', 'numeric', 'float8', 'bool', 'text', 'bytea', 'date', 'time', 'timestamp'];
const others = ['timestamptz', 'interval', 'jsonb', 'uuid', 'bpchar', 'inet', 'mood'];
const all = [...names, ...others];
const plain = { element: 0, base: 0, baseModifier: -1, delimiter: ',' };
const types: PgType[] = [
  ...all.map((name, index) => ({ ...plain, oid: index + 1, name })),
  { ...plain, oid: 100, name: '_text', element: all.indexOf('text') + 1 },
  { ...plain, oid: 101, name: '_int4', element: all.indexOf('int4') + 1 },
  { ...plain, oid: 102, name: 'price', base: all.indexOf('numeric') + 1, baseModifier: ((12 << 16) | 2) + 4 },
];

interface Form {
  readonly modifier?: number;
  readonly decimals?: DecimalMode;
}

function encoded(name: string, text: string, { modifier = -1, decimals = 'precise' }: Form = {}): string {
  const oid = types.find((type) => type.name === name)!.oid;
  return new PgTypes(types, decimals).encode(text, oid, modifier);
}

test('values are those that Debezium made of the same rows', () => {
  const scale2 = { modifier: ((12 << 16) | 2) + 4 };
  assert.equal(encoded('numeric', '1234.56', scale2), '"AeJA"');
  assert.equal(encoded('numeric', '99.90', scale2), '"JwY="');
  assert.equal(encoded('numeric', '-0.05', scale2), '"+w=="');
  assert.equal(encoded('price', '-0.05'), '"+w=="');
  assert.equal(encoded('numeric', '0.1000'), '{"scale":1,"value":"AQ=="}');
  assert.equal(encoded('float8', '3.5'), '3.5');
  assert.equal(encoded('int8', '9007199254740993'), '9007199254740993');
  assert.equal(encoded('bool', 't'), 'true');
  assert.equal(encoded('timestamp', '2024-02-29 12:34:56.789012'), '1709210096789012');
  assert.equal(encoded('timestamptz', '2024-02-29 10:34:56.789012+00'), '"2024-02-29T10:34:56.789012Z"');
  assert.equal(encoded('date', '2024-02-29'), '19782');
  assert.equal(encoded('time', '23:59:59.5'), '86399500000');
  assert.equal(encoded('interval', '1 day 02:03:04'), '93784000000');
  assert.equal(encoded('jsonb', '{"a": [1, 2, {"b": null}]}'), String.raw`"{\"a\": [1, 2, {\"b\": null}]}"`);
  assert.equal(encoded('bytea', String.raw`\xdeadbeef`), '"3q2+7w=="');
  assert.equal(encoded('_text', '{x,"y z",NULL}'), '["x","y z",null]');
  assert.equal(encoded('_int4', '{1,2,3}'), '[1,2,3]');
  assert.equal(encoded('_text', '{}'), '[]');
  assert.equal(encoded('bpchar', 'ab '), '"ab "');
  assert.equal(encoded('inet', '10.0.0.1'), '"10.0.0.1"');
});

test('nothing is rounded where other readers round', () => {
  const text = { decimals: 'string' } as const;
  assert.equal(
    encoded('numeric', '12345678901234567890.1234567890', text),
    '"12345678901234567890.1234567890"',
  );
  assert.equal(encoded('numeric', 'NaN', text), '"NaN"');
  assert.equal(encoded('numeric', 'NaN'), '"NaN"');
  assert.equal(encoded('float8', '-Infinity'), '"-Infinity"');
  assert.equal(encoded('jsonb', '{"n": 9007199254740993}'), String.raw`"{\"n\": 9007199254740993}"`);
  assert.equal(encoded('timestamp', '294276-12-31 23:59:59.999999'), '9224318015999999999');
  assert.equal(encoded('timestamp', '1969-12-31 23:59:59.999999'), '-1');
  assert.equal(encoded('timestamp', '2024-02-29 12:34:56.789', { modifier: 3 }), '1709210096789');
  assert.equal(encoded('timestamptz', 'infinity'), '"infinity"');
  assert.equal(encoded('timestamptz', '0044-03-15 12:00:00+00 BC'), '"-0043-03-15T12:00:00Z"');
  assert.equal(encoded('interval', '-1 days +02:03:04'), '-79016000000');
  assert.equal(encoded('interval', '1 mon 2 days 03:04:05.6'), '2813645600000');
  assert.equal(encoded('date', '0001-01-01'), '-719162');
});

test('days are those of the calendar', () => {
  const days = fc.integer({ min: -719_162, max: 2_932_896 });
  const check = fc.property(days, (day) => {
    assert.equal(encoded('date', new Date(day * 86_400_000).toISOString().slice(0, 10)), String(day));
  });
  fc.assert(check);
});

test('precise decimals hold the unscaled number', () => {
  const check = fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (unscaled) => {
    const json = JSON.parse(encoded('numeric', String(unscaled), { modifier: 4 })) as string;
    const hex = Buffer.from(json, 'base64').toString('hex');
    assert.equal(BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`)), unscaled);
  });
  fc.assert(check);
});

test('arrays come back as they were written', () => {
  const item = fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme' }));
  const check = fc.property(fc.array(item), (items) => {
    const parts = items.map((each) =>
      each === null ? 'NULL' : `"${each.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`)}"`,
    );
    assert.equal(JSON.stringify(parseArray(`{${parts.join(',')}}`)), JSON.stringify(items));
  });
  fc.assert(check);
  assert.equal(JSON.stringify(parseArray('[0:1][1:2]={{1,2},{3,NULL}}')), '[["1","2"],["3",null]]');
});
