import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ColumnType } from '../contract/index.ts';
import type { AppendValue } from './append-session.ts';
import { columnEncoder, INEXACT, parseExactly, UNFIT } from './column-encoder.ts';

/** As the loader does it: the slower parse when the fast one may have lost digits. */
function encodeJson(type: ColumnType, json: string): AppendValue | typeof UNFIT {
  const encode = columnEncoder(type);
  const value = encode(JSON.parse(json));
  if (value !== INEXACT) return value;
  const exact = encode(parseExactly(json));
  assert.ok(exact !== INEXACT, `${json} as ${type} must be exact after the exact parse`);
  return exact;
}

function wholeOf(value: AppendValue | typeof UNFIT): bigint {
  assert.ok(typeof value === 'number' || typeof value === 'bigint', String(value));
  return BigInt(value);
}

test('null and absent fields are null in every type', () => {
  const types = [
    'varchar',
    'bigint',
    'double',
    'boolean',
    'timestamp',
    'date',
    'json',
    'decimal(12,2)',
  ] as const;
  for (const type of types) {
    assert.equal(columnEncoder(type)(null), null);
    assert.equal(columnEncoder(type)(undefined), null);
  }
});

test('whole numbers of 64 bits keep all digits', () => {
  const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(any, (integer) => {
      assert.equal(wholeOf(encodeJson('bigint', String(integer))), integer);
      assert.equal(wholeOf(encodeJson('bigint', `"${integer}"`)), integer);
    }),
  );
  assert.equal(encodeJson('bigint', '1e3'), 1000);
  assert.equal(encodeJson('bigint', '12e17'), 1_200_000_000_000_000_000n);
  for (const json of [
    '9223372036854775808',
    '-9223372036854775809',
    '1.5',
    '1e30',
    '"1.0"',
    '""',
    'true',
    '{}',
    '[]',
  ]) {
    assert.equal(encodeJson('bigint', json), UNFIT, json);
  }
});

test('decimals are the written number, rounded half away from zero', () => {
  const digits = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
  fc.assert(
    fc.property(
      digits,
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 0, max: 8 }),
      (number, places, scale) => {
        const json = decimalText(number, places);
        const factor = 10n ** BigInt(Math.abs(scale - places));
        const magnitude = number < 0n ? -number : number;
        const scaled = scale >= places ? magnitude * factor : (magnitude * 2n + factor) / (factor * 2n);
        const expected = number < 0n ? -scaled : scaled;
        assert.equal(
          wholeOf(encodeJson(`decimal(38,${scale})`, json)),
          expected,
          `${json} with scale ${scale}`,
        );
      },
    ),
    { numRuns: 2000 },
  );
});

function decimalText(number: bigint, places: number): string {
  const text = (number < 0n ? -number : number).toString().padStart(places + 1, '0');
  const sign = number < 0n ? '-' : '';
  return places === 0 ? sign + text : `${sign}${text.slice(0, -places)}.${text.slice(-places)}`;
}

test('decimals beyond their precision, and what is no number, do not fit', () => {
  assert.equal(encodeJson('decimal(4,2)', '99.99'), 9999);
  assert.equal(encodeJson('decimal(4,2)', '99.994'), 9999n);
  for (const json of ['99.995', '100', '-100', '1e400', '"a"', '""', 'true', '{}']) {
    assert.equal(encodeJson('decimal(4,2)', json), UNFIT, json);
  }
  assert.equal(
    encodeJson('decimal(38,0)', '12345678901234567890123456789012345678'),
    12345678901234567890123456789012345678n,
  );
  assert.equal(encodeJson('decimal(12,2)', '"12.345"'), 1235n);
});

test('JSON columns keep numbers as they were written', () => {
  const json = '{"a":[12345678901234567890,0.1,1.000000000000000000001],"b":"1234567890123456"}';
  assert.equal(encodeJson('json', json), json);
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      assert.equal(encodeJson('json', text), value === null ? null : JSON.stringify(value));
    }),
  );
});

test('text takes scalars, and nothing else', () => {
  assert.equal(encodeJson('varchar', '"x"'), 'x');
  assert.equal(encodeJson('varchar', '1.5'), '1.5');
  assert.equal(encodeJson('varchar', 'true'), 'true');
  assert.equal(encodeJson('varchar', '{}'), UNFIT);
  assert.equal(encodeJson('varchar', '[]'), UNFIT);
});

test('times are milliseconds, dates are days', () => {
  assert.equal(
    encodeJson('timestamp', '"2026-03-01T13:00:00.2509+01:00"'),
    Date.UTC(2026, 2, 1, 12, 0, 0, 250),
  );
  assert.equal(encodeJson('timestamp', '1700000000000'), 1_700_000_000_000);
  assert.equal(encodeJson('timestamp', '"2026-03-01 13:00:00"'), UNFIT);
  assert.equal(encodeJson('timestamp', '1.5'), UNFIT);
  assert.equal(encodeJson('date', '"1970-01-02"'), 1);
  assert.equal(encodeJson('date', '"1969-12-31"'), -1);
  for (const json of ['"2026-02-29"', '"2026-1-1"', '"2026-01-01T00:00:00Z"', '1']) {
    assert.equal(encodeJson('date', json), UNFIT, json);
  }
});

test('doubles are finite numbers, booleans are booleans', () => {
  assert.equal(encodeJson('double', '1e-7'), 1e-7);
  assert.equal(encodeJson('double', '1e400'), UNFIT);
  assert.equal(encodeJson('double', '"1"'), UNFIT);
  assert.equal(encodeJson('boolean', 'false'), false);
  assert.equal(encodeJson('boolean', '0'), UNFIT);
});
