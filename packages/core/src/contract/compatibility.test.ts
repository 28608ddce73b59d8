import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TObjectOptions, TProperties } from 'typebox';
import { checkCompatibility, defineEvent, Type, type EventContract } from './index.ts';

function contractOf(fields: TProperties, options: TObjectOptions = {}): EventContract {
  return defineEvent({ name: 'e', version: 1, schema: Type.Object(fields, options) }) as EventContract;
}

const text = Type.String();
const cases: readonly {
  what: string;
  older: EventContract;
  newer: EventContract;
  backward: readonly string[];
  forward: readonly string[];
}[] = [
  {
    what: 'nothing changed',
    older: contractOf({ a: text }),
    newer: contractOf({ a: text }),
    backward: [],
    forward: [],
  },
  {
    what: 'an optional field came',
    older: contractOf({}),
    newer: contractOf({ a: Type.Optional(text) }),
    backward: [],
    forward: [],
  },
  {
    what: 'a required field came',
    older: contractOf({}),
    newer: contractOf({ a: text }),
    backward: ['/a'],
    forward: [],
  },
  {
    what: 'a required field went',
    older: contractOf({ a: text }),
    newer: contractOf({}),
    backward: [],
    forward: ['/a'],
  },
  {
    what: 'an enum grew',
    older: contractOf({ a: Type.Enum(['x']) }),
    newer: contractOf({ a: Type.Enum(['x', 'y']) }),
    backward: [],
    forward: ['/a'],
  },
  {
    what: 'a union of literals shrank',
    older: contractOf({ a: Type.Union([Type.Literal('x'), Type.Literal('y')]) }),
    newer: contractOf({ a: Type.Literal('x') }),
    backward: ['/a'],
    forward: [],
  },
  {
    what: 'null became possible',
    older: contractOf({ a: text }),
    newer: contractOf({ a: Type.Union([text, Type.Null()]) }),
    backward: [],
    forward: ['/a'],
  },
  {
    what: 'a limit became tighter',
    older: contractOf({ a: Type.String({ maxLength: 9 }) }),
    newer: contractOf({ a: Type.String({ maxLength: 5 }) }),
    backward: ['/a'],
    forward: [],
  },
  {
    what: 'a type changed',
    older: contractOf({ a: text }),
    newer: contractOf({ a: Type.Boolean() }),
    backward: ['/a', '/a'],
    forward: ['/a'],
  },
  {
    what: 'an integer became a number: readable, but not the same column',
    older: contractOf({ a: Type.Integer() }),
    newer: contractOf({ a: Type.Number() }),
    backward: ['/a'],
    forward: ['/a'],
  },
  {
    what: 'a nested field came',
    older: contractOf({ a: Type.Array(Type.Object({})) }),
    newer: contractOf({ a: Type.Array(Type.Object({ b: text })) }),
    backward: ['/a/*/b'],
    forward: [],
  },
  {
    what: 'the object was closed',
    older: contractOf({ a: text }),
    newer: contractOf({ a: text }, { additionalProperties: false }),
    backward: [''],
    forward: [],
  },
  {
    what: 'a pattern changed',
    older: contractOf({ a: Type.String({ pattern: '^a' }) }),
    newer: contractOf({ a: Type.String({ pattern: '^b' }) }),
    backward: ['/a'],
    forward: ['/a'],
  },
];

for (const { what, older, newer, backward, forward } of cases) {
  test(`compatibility: ${what}`, () => {
    const problems = checkCompatibility(older, newer);
    const pathsOf = (direction: string) =>
      problems.filter((each) => each.direction === direction).map(({ path }) => path);
    assert.deepEqual({ backward: pathsOf('backward'), forward: pathsOf('forward') }, { backward, forward });
  });
}

test('a mode asks one direction only', () => {
  const older = contractOf({});
  const newer = contractOf({ a: text });
  assert.equal(checkCompatibility(older, newer, 'forward').length, 0);
  assert.equal(checkCompatibility(older, newer, 'backward').length, 1);
});
