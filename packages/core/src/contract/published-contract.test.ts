import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compile } from 'typebox/compile';
import { defineEvent, type EventContract, publishedContract, Type } from './index.ts';

const contract = defineEvent({
  name: 'order',
  version: 3,
  topic: 'orders',
  key: 'customer',
  time: 'placed_at',
  personal: ['customer'],
  schema: Type.Object(
    {
      customer: Type.String({ minLength: 1 }),
      amount: Type.Number({ minimum: 0, column: 'decimal(18,2)' }),
      coupon: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      placed_at: Type.Integer(),
    },
    { additionalProperties: false },
  ),
}) as EventContract;

test('what is published is plain JSON: names, topic, system fields and the schema', () => {
  const { schema, ...rest } = JSON.parse(JSON.stringify(publishedContract(contract)));
  assert.deepEqual(rest, {
    name: 'order',
    version: 3,
    topic: 'orders',
    key: 'customer',
    idField: 'event_id',
    timeField: 'placed_at',
    personal: ['customer'],
  });
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(schema.required.toSorted(), ['amount', 'customer', 'event_id', 'event_type', 'placed_at']);
});

const event = { event_id: 'a', event_type: 'order', placed_at: 1_780_000_000_000, customer: 'c', amount: 1 };
for (const { what, sent, isValid } of [
  { what: 'as it should be', sent: event, isValid: true },
  { what: 'with null for a union', sent: { ...event, coupon: null }, isValid: true },
  { what: 'without id', sent: { ...event, event_id: undefined }, isValid: false },
  { what: 'with an empty id', sent: { ...event, event_id: '' }, isValid: false },
  { what: 'of another type', sent: { ...event, event_type: 'refund' }, isValid: false },
  { what: 'with a time as text', sent: { ...event, placed_at: '2026-03-01T12:00:00Z' }, isValid: false },
  { what: 'below a limit', sent: { ...event, amount: -1 }, isValid: false },
  { what: 'with a field that is not listed', sent: { ...event, other: 1 }, isValid: false },
]) {
  test(`the published schema says of an event ${what} what the contract says`, () => {
    const wire: unknown = JSON.parse(JSON.stringify(sent));
    const published = Compile(JSON.parse(JSON.stringify(publishedContract(contract).schema)));
    assert.deepEqual([published.Check(wire), contract.isValid(wire)], [isValid, isValid]);
  });
}
