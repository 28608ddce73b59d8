import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/index.ts';
import {
  defineEvent,
  isEventContract,
  Type,
  type AnyEvent,
  type EventContract,
  type EventOf,
} from './index.ts';

const order = defineEvent({
  name: 'order_placed',
  version: 1,
  key: 'user_id',
  personal: ['email'],
  schema: Type.Object({
    user_id: Type.String({ minLength: 1 }),
    email: Type.Optional(Type.String()),
    quantity: Type.Integer(),
    amount: Type.Number({ minimum: 0 }),
    total: Type.Number({ column: 'decimal(6,2)' }),
    gift: Type.Boolean(),
    due: Type.String({ format: 'date' }),
    paid_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    channel: Type.Union([Type.Literal('web'), Type.Literal('app')]),
    grade: Type.Enum([1, 2, 3]),
    tags: Type.Array(Type.String()),
    address: Type.Object({ city: Type.String() }),
  }),
});

const valid = {
  event_id: 'o-1',
  event_type: 'order_placed' as const,
  event_timestamp: '2026-03-01T12:00:00Z',
  user_id: 'u1',
  quantity: 2,
  amount: 9.5,
  total: 19,
  gift: false,
  due: '2026-03-05',
  paid_at: null,
  channel: 'web' as const,
  grade: 1 as const,
  tags: ['a'],
  address: { city: 'Bonn' },
};

test('the schema gives the columns', () => {
  assert.deepEqual(
    order.columns.map((column) => `${column.name} ${column.type}${column.personal ? ' personal' : ''}`),
    [
      'user_id varchar',
      'email varchar personal',
      'quantity bigint',
      'amount double',
      'total decimal(6,2)',
      'gift boolean',
      'due date',
      'paid_at timestamp',
      'channel varchar',
      'grade bigint',
      'tags json',
      'address json',
    ],
  );
});

test('the schema gives the TypeScript type', () => {
  type Order = EventOf<typeof order>;
  const event: Order = valid;
  const channel: 'web' | 'app' = event.channel;
  const email: string | undefined = event.email;
  const type: 'order_placed' = event.event_type;
  const time: string | number = event.event_timestamp;
  // @ts-expect-error: not a field of the contract
  void event.discount;
  // @ts-expect-error: a number
  const wrong: string = event.quantity;
  assert.ok(order.isValid(event));
  assert.deepEqual(
    [channel, email, type, time, wrong],
    ['web', undefined, 'order_placed', valid.event_timestamp, 2],
  );
});

test('names in the definition are checked by the compiler', () => {
  const schema = Type.Object({ user_id: Type.String() });
  const attempts = [
    // @ts-expect-error: no such field
    () => defineEvent({ name: 'a', version: 1, schema, key: 'user' }),
    // @ts-expect-error: no such field
    () => defineEvent({ name: 'a', version: 1, schema, personal: ['user'] }),
  ];
  for (const attempt of attempts) assert.throws(attempt, { code: 'CONTRACT_BAD_DEFINITION' });
});

test('other id and time fields', () => {
  const flight = defineEvent({
    name: 'flight',
    version: 1,
    topic: 'flights',
    id: 'flight_id',
    time: 'departed_at',
    key: 'flight_id',
    schema: Type.Object({ departed_at: Type.Integer(), delay: Type.Number() }),
  });
  const event = { flight_id: 'f1', event_type: 'flight', departed_at: 1000, delay: 3 };
  assert.ok(flight.isValid(event));
  const typed: { flight_id: string; departed_at: number } = event satisfies EventOf<typeof flight>;
  assert.equal(flight.timeMsOf(event), 1000);
  assert.equal(flight.idOf(event), 'f1');
  assert.equal(flight.keyOf(event), typed.flight_id);
});

test('a valid event passes both paths', () => {
  assert.equal(order.isValid(valid), true);
  assert.equal(order.violation(valid), undefined);
  assert.equal(order.keyOf(valid), 'u1');
  assert.equal(order.timeMsOf(valid), Date.parse('2026-03-01T12:00:00Z'));
});

const violations: readonly [change: Record<string, unknown>, path: string, message: RegExp][] = [
  [{ event_id: '' }, '/event_id', /1 to 128 bytes/],
  [{ event_id: 'é'.repeat(65) }, '/event_id', /1 to 128 bytes/],
  [{ event_id: '\ud800' }, '/event_id', /1 to 128 bytes/],
  [{ event_id: 7 }, '/event_id', /text/],
  [{ event_type: 'other' }, '/event_type', /order_placed/],
  [{ event_timestamp: '2026-03-01T12:00:00' }, '/event_timestamp', /zone/],
  [{ event_timestamp: undefined }, '/event_timestamp', /zone/],
  [{ user_id: undefined }, '', /user_id/],
  [{ user_id: 5 }, '/user_id', /string/],
  [{ quantity: 1e300 }, '/quantity', /2\^53/],
  [{ quantity: 1.5 }, '/quantity', /integer/],
  [{ total: 9999.999 }, '/total', /below 10000/],
  [{ paid_at: '2026-02-30T00:00:00Z' }, '/paid_at', /./],
  [{ paid_at: '2026-02-28T00:00:60Z' }, '/paid_at', /./],
  [{ channel: 'fax' }, '/channel', /anyOf/],
  [{ tags: [1] }, '/tags/0', /string/],
  [{ address: {} }, '/address', /city/],
];

for (const [change, path, message] of violations) {
  test(`both paths refuse ${JSON.stringify(change)}`, () => {
    const event = JSON.parse(JSON.stringify({ ...valid, ...change })) as unknown;
    assert.equal(order.isValid(event), false);
    const violation = order.violation(event);
    assert.equal(violation?.path, path);
    assert.match(violation.message, message);
  });
}

for (const value of [null, 1, 'text', [], [valid], true]) {
  test(`both paths refuse ${JSON.stringify(value).slice(0, 20)} as an event`, () => {
    assert.equal(order.isValid(value), false);
    assert.notEqual(order.violation(value), undefined);
  });
}

test('an id may fill its 128 bytes', () => {
  for (const id of ['x'.repeat(128), 'é'.repeat(64), '😀'.repeat(32)]) {
    assert.equal(order.violation({ ...valid, event_id: id }), undefined);
    assert.notEqual(order.violation({ ...valid, event_id: `${id}x` }), undefined);
  }
});

test('unlisted fields pass unless the schema is closed', () => {
  const open = defineEvent({ name: 'e', version: 1, schema: Type.Object({ a: Type.Number() }) });
  const closed = defineEvent({
    name: 'e',
    version: 1,
    schema: Type.Object({ a: Type.Number() }, { additionalProperties: false }),
  });
  const event = { event_id: '1', event_type: 'e', event_timestamp: 0, a: 1 };
  assert.ok(open.isValid({ ...event, b: 2 }));
  assert.ok(closed.isValid(event));
  assert.ok(!closed.isValid({ ...event, b: 2 }));
  assert.match(closed.violation({ ...event, b: 2 })!.message, /additional/);
});

const definitions: readonly [what: string, define: () => unknown, message: RegExp][] = [
  ['name', () => defineEvent({ name: 'Order', version: 1, schema: Type.Object({}) }), /small letters/],
  ['version', () => defineEvent({ name: 'e', version: 0, schema: Type.Object({}) }), /version/],
  [
    'topic',
    () => defineEvent({ name: 'e', version: 1, topic: '__x', schema: Type.Object({}) }),
    /topic '__x'/,
  ],
  [
    'dead letters',
    () => defineEvent({ name: 'e', version: 1, topic: 'dead_letters', schema: Type.Object({}) }),
    /rejected/,
  ],
  [
    'field name',
    () => defineEvent({ name: 'e', version: 1, schema: Type.Object({ userId: Type.String() }) }),
    /'userId'/,
  ],
  [
    'reserved',
    () => defineEvent({ name: 'e', version: 1, schema: Type.Object({ log_offset: Type.String() }) }),
    /loading/,
  ],
  [
    'no JSON',
    () => defineEvent({ name: 'e', version: 1, schema: Type.Object({ n: Type.BigInt() }) }),
    /'bigint'/,
  ],
  [
    'event_type',
    () => defineEvent({ name: 'e', version: 1, schema: Type.Object({ event_type: Type.String() }) }),
    /implied/,
  ],
  [
    'optional key',
    () =>
      defineEvent({
        name: 'e',
        version: 1,
        key: 'k',
        schema: Type.Object({ k: Type.Optional(Type.String()) }),
      }),
    /must not be optional/,
  ],
  [
    'key type',
    () => defineEvent({ name: 'e', version: 1, key: 'k', schema: Type.Object({ k: Type.Number() }) }),
    /text or an integer/,
  ],
  [
    'column',
    () =>
      defineEvent({ name: 'e', version: 1, schema: Type.Object({ n: Type.Boolean({ column: 'bigint' }) }) }),
    /boolean/,
  ],
  [
    'decimal',
    () =>
      defineEvent({
        name: 'e',
        version: 1,
        schema: Type.Object({ n: Type.Number({ column: 'decimal(2,3)' }) }),
      }),
    /range/,
  ],
  [
    'id',
    () => defineEvent({ name: 'e', version: 1, id: 'n', schema: Type.Object({ n: Type.Integer() }) }),
    /must be text/,
  ],
  [
    'time',
    () => defineEvent({ name: 'e', version: 1, time: 'n', schema: Type.Object({ n: Type.Boolean() }) }),
    /text or integer/,
  ],
];

for (const [what, define, message] of definitions) {
  test(`a definition is refused for its ${what}`, () => {
    assert.throws(define, (error: unknown) => {
      assert.ok(isMillraceError(error));
      assert.equal(error.code, 'CONTRACT_BAD_DEFINITION');
      assert.equal(error.kind, 'config');
      assert.match(error.message, message);
      return true;
    });
  });
}

test('contracts are recognised, and any contract is an EventContract', () => {
  const contracts: EventContract[] = [order];
  assert.ok(contracts.every(isEventContract));
  assert.ok(!isEventContract({ name: 'x' }));
  const event: AnyEvent = valid;
  assert.equal(contracts[0]!.idOf(event), 'o-1');
});
