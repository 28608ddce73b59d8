import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContractRegistry, defineEvent, Type } from './index.ts';

const view = defineEvent({
  name: 'view',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ user_id: Type.String(), price: Type.Number() }),
});
const signUp = defineEvent({
  name: 'sign_up',
  version: 1,
  key: 'user_id',
  personal: ['email'],
  schema: Type.Object({ user_id: Type.String(), email: Type.String() }),
});
const ping = defineEvent({
  name: 'ping',
  version: 1,
  topic: 'pings',
  schema: Type.Object({ page: Type.String() }),
});

test('the table of a topic is the union of its event types', () => {
  const registry = new ContractRegistry([view, signUp, ping]);
  assert.deepEqual(registry.topic('events')?.table, {
    topic: 'events',
    table: 'raw_events',
    idColumn: 'event_id',
    timeColumn: 'event_timestamp',
    columns: [
      { name: 'event_id', type: 'varchar', personal: false },
      { name: 'event_type', type: 'varchar', personal: false },
      { name: 'event_timestamp', type: 'timestamp', personal: false },
      { name: 'user_id', type: 'varchar', personal: false },
      { name: 'price', type: 'double', personal: false },
      { name: 'email', type: 'varchar', personal: true },
    ],
  });
  assert.deepEqual(
    registry.topics().map(({ topic, keyed }) => ({ topic, keyed })),
    [
      { topic: 'events', keyed: true },
      { topic: 'pings', keyed: false },
    ],
  );
  assert.equal(registry.contract('sign_up'), signUp);
  assert.equal(registry.contract('toString'), undefined);
  assert.equal(registry.tables().length, 2);
});

test('a time field in the schema stays a timestamp column', () => {
  const flight = defineEvent({
    name: 'flight',
    version: 1,
    time: 'date',
    personal: ['date'],
    schema: Type.Object({ date: Type.Integer() }),
  });
  const columns = new ContractRegistry([flight]).topic('events')!.table.columns;
  assert.deepEqual(columns.at(-1), { name: 'date', type: 'timestamp', personal: true });
});

const conflicts = [
  {
    what: 'a field with two types',
    other: defineEvent({
      name: 'o',
      version: 1,
      key: 'user_id',
      schema: Type.Object({ user_id: Type.String(), price: Type.String() }),
    }),
    message: /'view' \(events\/view\.ts\) and event 'o' \(events\/o\.ts\): field 'price' is double/,
  },
  {
    what: 'keyed and unkeyed event types',
    other: defineEvent({ name: 'o', version: 1, schema: Type.Object({}) }),
    message: /one has a key/,
  },
  {
    what: 'two id fields',
    other: defineEvent({ name: 'o', version: 1, id: 'key', key: 'key', schema: Type.Object({}) }),
    message: /id fields are 'event_id' and 'key'/,
  },
  {
    what: 'two time fields',
    other: defineEvent({ name: 'o', version: 1, key: 'event_id', time: 'at', schema: Type.Object({}) }),
    message: /time fields are 'event_timestamp' and 'at'/,
  },
];

for (const { what, other, message } of conflicts) {
  test(`one topic with ${what} is refused`, () => {
    const fileOf = ({ name }: { name: string }) => `events/${name}.ts`;
    assert.throws(() => new ContractRegistry([view, other], { fileOf }), {
      code: 'CONTRACT_CONFLICT',
      message,
    });
  });
}

test('one name for two contracts is refused', () => {
  const again = defineEvent({ name: 'view', version: 2, schema: Type.Object({}) });
  assert.throws(() => new ContractRegistry([view, again]), { code: 'CONTRACT_DUPLICATE_NAME' });
});
