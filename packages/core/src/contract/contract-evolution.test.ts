import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TProperties } from 'typebox';
import {
  checkEvolution,
  type ContractRecord,
  decodeRecords,
  defineEvent,
  encodeRecords,
  type EventContract,
  recordsOf,
  refusalOf,
  Type,
} from './index.ts';

interface Change {
  readonly version?: number;
  readonly topic?: string;
  readonly key?: string | undefined;
  readonly id?: string;
  readonly time?: string;
  readonly name?: string;
  readonly fields?: TProperties;
}

const text = Type.String();
const FIELDS = { customer: text, amount: Type.Integer(), state: Type.Enum(['new', 'paid']) };

function order(change: Change = {}): EventContract {
  const { fields = FIELDS, ...rest } = change;
  const definition = { name: 'order', version: 2, topic: 'orders', key: 'customer', ...rest };
  const schema = Type.Object(fields);
  return defineEvent({ ...definition, schema } as Parameters<typeof defineEvent>[0]) as EventContract;
}

/** As it comes back from the file. */
function remembered(contracts: readonly EventContract[], before: readonly ContractRecord[] = []) {
  return decodeRecords(encodeRecords(recordsOf(contracts, before)), 'contracts.json');
}

const fileOf = ({ name }: EventContract) => `events/${name}.ts`;
const wordsOf = (records: readonly ContractRecord[], ...contracts: EventContract[]) =>
  checkEvolution(records, contracts, fileOf).refused.map(({ message }) => message);

const optional = { ...FIELDS, coupon: Type.Optional(text) };
const { amount: _, ...withoutAmount } = FIELDS;
const longerStates = { ...FIELDS, state: Type.Enum(['new', 'paid', 'sent']) };
const shorterStates = { ...FIELDS, state: Type.Enum(['new']) };
const required = { ...FIELDS, coupon: text };
const retyped = { ...FIELDS, amount: Type.Number() };

const admitted: readonly { readonly what: string; readonly change: Change }[] = [
  { what: 'nothing changed', change: {} },
  { what: 'an optional field in the same version', change: { fields: optional } },
  { what: 'a raised version alone', change: { version: 3 } },
  { what: 'a raised version without a required field', change: { version: 3, fields: withoutAmount } },
  { what: 'a raised version that knows one value more', change: { version: 3, fields: longerStates } },
];

for (const { what, change } of admitted) {
  test(`admitted: ${what}`, () => assert.deepEqual(wordsOf(remembered([order()]), order(change)), []));
}

const refused: readonly { readonly what: string; readonly change: Change; readonly words: RegExp }[] = [
  {
    what: 'a required field in the same version',
    change: { fields: required },
    words: /version 2: \/coupon is required.*an event of the contract of the last start may not be readable/,
  },
  {
    what: 'a required field in a raised version',
    change: { version: 3, fields: required },
    words:
      /version 3: \/coupon is required, but may be missing \(an event of version 2 may not be readable\)/,
  },
  {
    what: 'a field that is gone in the same version',
    change: { fields: withoutAmount },
    words: /\/amount is required.*raise the version/,
  },
  {
    what: 'one value more in the same version',
    change: { fields: longerStates },
    words: /\/state value "sent" is unknown.*raise the version/,
  },
  {
    what: 'one value fewer in a raised version',
    change: { version: 3, fields: shorterStates },
    words: /\/state value "paid" is unknown to the reader \(an event of version 2/,
  },
  {
    what: 'another column type in a raised version',
    change: { version: 3, fields: retyped },
    words: /\/amount would turn its column from bigint to double: take a new name/,
  },
  { what: 'a lowered version', change: { version: 1 }, words: /its version went back from 2 to 1/ },
  {
    what: 'another topic',
    change: { version: 3, topic: 'sales' },
    words: /its topic was 'orders' and is 'sales'/,
  },
  {
    what: 'another key',
    change: { version: 3, key: 'amount' },
    words: /its key was 'customer' and is 'amount'/,
  },
  { what: 'no key', change: { version: 3, key: undefined }, words: /its key was 'customer' and is none/ },
  {
    what: 'another id field',
    change: { version: 3, id: 'order_id' },
    words: /its id field was 'event_id' and is 'order_id'/,
  },
  {
    what: 'another time field',
    change: { version: 3, time: 'at' },
    words: /its time field was 'event_timestamp' and is 'at'/,
  },
];

for (const { what, change, words } of refused) {
  test(`refused: ${what}`, () => {
    const [first, ...others] = wordsOf(remembered([order()]), order(change));
    assert.match(first ?? '', /^Event 'order' \(events\/order\.ts\), version \d: /);
    assert.match(first ?? '', words);
    assert.deepEqual(others, []);
  });
}

test('a column keeps its type when its field went and comes again, here or in another event', () => {
  const first = remembered([order()]);
  const without = order({ version: 3, fields: withoutAmount });
  const second = remembered([without], first);
  const again = (change: Change) => order({ version: 4, fields: retyped, ...change });
  assert.match(wordsOf(second, again({})).join(), /\/amount would turn its column from bigint to double/);
  const other = again({ name: 'refund', version: 1 });
  assert.match(wordsOf(second, without, other).join(), /^Event 'refund'.*\/amount would turn its column/);
  assert.deepEqual(wordsOf(second, without, again({ name: 'refund', topic: 'refunds' })), []);
  const asBefore = order({ version: 4, fields: { ...FIELDS, amount: Type.Optional(FIELDS.amount) } });
  assert.deepEqual(wordsOf(second, asBefore), []);
});

test('an event type that is gone is told once, and compared when it is there again', () => {
  const other = order({ name: 'refund' });
  const first = remembered([order(), other]);
  const { gone, refused: none } = checkEvolution(first, [other], fileOf);
  assert.deepEqual([gone.map(({ name }) => name), none], [['order'], []]);
  const second = remembered([other], first);
  assert.deepEqual(checkEvolution(second, [other], fileOf).gone, []);
  assert.match(wordsOf(second, other, order({ version: 1 })).join(), /went back from 2 to 1/);
  assert.deepEqual(remembered([other, order()], second), first);
});

test('one error for a start: all events, each field with its reason', () => {
  const records = remembered([order(), order({ name: 'refund' })]);
  const changed = [order({ fields: withoutAmount }), order({ name: 'refund', topic: 'refunds' })];
  const refusal = refusalOf(checkEvolution(records, changed, fileOf));
  assert.equal(refusal?.code, 'CONTRACT_INCOMPATIBLE');
  assert.equal(refusal.kind, 'config');
  assert.match(refusal.message, /^Event 'order'.*\/amount.*\nEvent 'refund'.*topic/);
  const [one] = checkEvolution(records, [changed[0]!], fileOf).refused;
  const { reasons, ...place } = one!.details as { reasons: { path: string }[] };
  assert.deepEqual(place, { event: 'order', file: 'events/order.ts', version: 2 });
  assert.deepEqual(
    reasons.map(({ path }) => path),
    ['/amount'],
  );
  assert.equal(refusalOf(checkEvolution(records, [order(), order({ name: 'refund' })], fileOf)), undefined);
});

test('a system field that the schema declares in another way changes no column', () => {
  const declared = (type: TProperties[string]) => order({ fields: { ...FIELDS, event_timestamp: type } });
  const older = declared(Type.String({ format: 'date-time' }));
  const newer = order({ version: 3, fields: { ...FIELDS, event_timestamp: text } });
  assert.deepEqual(wordsOf(remembered([older]), newer), []);
});

for (const { what, contents, words } of [
  { what: 'cut off', contents: encodeRecords(recordsOf([order()], [])).slice(0, 90), words: /JSON/ },
  { what: 'empty', contents: '', words: /JSON/ },
  { what: 'of a newer format', contents: '{"format":2,"events":[]}', words: /format 2.*up to 1/ },
  { what: 'without events', contents: '{"format":1}', words: /does not hold/ },
  { what: 'null', contents: 'null', words: /does not hold/ },
  {
    what: 'with a record that lacks its columns',
    contents: encodeRecords(recordsOf([order()], [])).replace('"columns"', '"colums"'),
    words: /does not hold/,
  },
]) {
  test(`a record that is ${what} is refused with its file`, () => {
    assert.throws(
      () => decodeRecords(contents, '/data/contracts.json'),
      (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'CONTRACT_RECORD_UNREADABLE');
        assert.match(error.message, /^\/data\/contracts\.json: /);
        assert.match(error.message, words);
        return true;
      },
    );
  });
}
