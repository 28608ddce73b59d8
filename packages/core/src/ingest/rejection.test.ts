import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pingOf, SmallShop, viewOf } from '@millrace/testkit/ingest';

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

const rejections: readonly [what: string, event: unknown, code: string, message: RegExp][] = [
  ['text', 'no json', 'INGEST_NOT_JSON', /./],
  ['a cut object', '{"event_id":"x"', 'INGEST_NOT_JSON', /./],
  ['an array', '[]', 'INGEST_NOT_AN_OBJECT', /object/],
  ['null', 'null', 'INGEST_NOT_AN_OBJECT', /object/],
  ['a number', '5', 'INGEST_NOT_AN_OBJECT', /object/],
  ['an unknown type', viewOf({ event_type: 'other' }), 'INGEST_UNKNOWN_TYPE', /"other"/],
  ['no type', viewOf({ event_type: undefined }), 'INGEST_UNKNOWN_TYPE', /missing/],
  [
    'the name of an inherited property',
    viewOf({ event_type: 'constructor' }),
    'INGEST_UNKNOWN_TYPE',
    /constructor/,
  ],
  ['no id', viewOf({ event_id: undefined }), 'INGEST_BAD_EVENT_ID', /event_id/],
  ['an id of 129 bytes', viewOf({ event_id: 'x'.repeat(129) }), 'INGEST_BAD_EVENT_ID', /128 bytes/],
  ['a time without zone', viewOf({ event_timestamp: '2026-01-01T00:00:00' }), 'INGEST_BAD_TIME', /zone/],
  ['no time', viewOf({ event_timestamp: undefined }), 'INGEST_BAD_TIME', /event_timestamp/],
  ['a time in the future', viewOf({ event_timestamp: 1_700_000_300_001 }), 'INGEST_FUTURE_TIME', /300 s/],
  ['a field of another type', viewOf({ price: '5' }), 'INGEST_BAD_FIELD', /\/price must be number/],
  ['a missing field', viewOf({ user_id: undefined }), 'INGEST_BAD_FIELD', /user_id/],
  ['too many levels', viewOf({ nested: deep(20) }), 'INGEST_TOO_DEEP', /20 levels/],
  [
    'too many bytes',
    viewOf({ user_id: 'x'.repeat(256 * 1024) }),
    'INGEST_EVENT_TOO_LARGE',
    /limit is 262144/,
  ],
];

for (const [what, event, code, message] of rejections) {
  test(`an event is rejected with its reason: ${what}`, async () => {
    const shop = await SmallShop.open();
    const good = viewOf();
    const reply = await shop.lines([good, event, pingOf()]);
    assert.deepEqual(
      { ...reply, rejected: reply.rejected.map(({ index, code: each }) => ({ index, code: each })) },
      {
        received: 3,
        accepted: 2,
        duplicates: 0,
        rejected: [{ index: 1, code }],
      },
    );
    assert.match(reply.rejected[0]!.message, message);
    const [letter, ...others] = await shop.records('dead_letters');
    assert.equal(others.length, 0);
    const raw = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
    assert.equal(letter!.value, raw.subarray(0, 256 * 1024).toString());
    assert.deepEqual(letter!.headers, {
      code,
      message: reply.rejected[0]!.message,
      received_at: '1700000000000',
      bytes: String(raw.length),
    });
    shop.assertIdentity();
    assert.equal(shop.ingest.counts().deadLettered, 1);
  });
}

test('the deepest and the largest event that are allowed', async () => {
  const shop = await SmallShop.open();
  const large = viewOf({ user_id: '' });
  large.user_id = 'x'.repeat(256 * 1024 - JSON.stringify(large).length);
  const reply = await shop.lines([
    viewOf({ nested: deep(19) }),
    large,
    viewOf({ event_timestamp: 1_700_000_300_000 }),
  ]);
  assert.equal(reply.accepted, 3);
});

test('a very deep event is rejected, not a crash', async () => {
  const shop = await SmallShop.open();
  const text = JSON.stringify(viewOf()).replace(
    '"price"',
    `"nested":${'['.repeat(100_000)}${']'.repeat(100_000)},"price"`,
  );
  const reply = await shop.accept(`[${text}]`);
  assert.equal(reply.rejected[0]!.code, 'INGEST_TOO_DEEP');
  assert.equal((await shop.records('dead_letters')).length, 1);
});

test('bytes that are no UTF-8 are rejected alone', async () => {
  const shop = await SmallShop.open();
  const good = JSON.stringify(viewOf({ user_id: 'é' }));
  const body = Buffer.concat([
    Buffer.from(`${good}\n{"a":"`),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}\n'),
  ]);
  const reply = await shop.ingest.accept(body, {
    contentType: 'application/x-ndjson',
    receivedAtMs: shop.clock.nowMs(),
  });
  assert.deepEqual([reply.accepted, reply.rejected[0]!.code], [1, 'INGEST_NOT_UTF8']);
  assert.equal((await shop.records('events'))[0]!.value, good);
});

test('an array whose elements are rejected keeps their places', async () => {
  const shop = await SmallShop.open();
  const reply = await shop.accept(JSON.stringify([1, viewOf(), 'x', viewOf({ price: null }), viewOf()]));
  assert.deepEqual(
    reply.rejected.map(({ index }) => index),
    [0, 2, 3],
  );
  assert.equal(reply.accepted, 2);
});

const refusals: readonly [
  what: string,
  body: string | Buffer,
  contentType: string | undefined,
  code: string,
][] = [
  ['no JSON', 'hello', 'application/json', 'INGEST_BODY_NOT_JSON'],
  ['nothing', '', 'application/json', 'INGEST_BODY_NOT_JSON'],
  ['white space', ' \n', 'application/x-ndjson', 'INGEST_BODY_NOT_JSON'],
  ['a broken array', '[{"a":1}', 'application/json', 'INGEST_BODY_NOT_JSON'],
  [
    'an array with a broken element',
    `[${JSON.stringify(viewOf())},{"a":}]`,
    'application/json',
    'INGEST_BODY_NOT_JSON',
  ],
  ['an array and more', `[${JSON.stringify(viewOf())}] x`, 'application/json', 'INGEST_BODY_NOT_JSON'],
  [
    'two documents',
    `${JSON.stringify(viewOf())}\n${JSON.stringify(viewOf())}`,
    'application/json',
    'INGEST_BODY_NOT_JSON',
  ],
  ['lines of which none is JSON', 'a\nb\n', 'application/x-ndjson', 'INGEST_BODY_NOT_JSON'],
  ['bytes that are no text', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 'INGEST_BODY_NOT_JSON'],
  ['another content type', '{}', 'text/plain', 'INGEST_UNSUPPORTED_CONTENT_TYPE'],
  ['no content type', '{}', undefined, 'INGEST_UNSUPPORTED_CONTENT_TYPE'],
  ['too many bytes', ' '.repeat(10 * 1024 * 1024 + 1), 'application/json', 'INGEST_BODY_TOO_LARGE'],
  ['too many events', '1\n'.repeat(10_001), 'application/x-ndjson', 'INGEST_TOO_MANY_EVENTS'],
];

for (const [what, body, contentType, code] of refusals) {
  test(`a request is refused as a whole: ${what}`, async () => {
    const shop = await SmallShop.open();
    await assert.rejects(shop.accept(body, { contentType }), { code, kind: 'input' });
    assert.deepEqual(await shop.records('events'), []);
    assert.deepEqual(await shop.records('dead_letters'), []);
    const { received, refusedRequests } = shop.ingest.counts();
    assert.deepEqual({ received, refusedRequests }, { received: 0, refusedRequests: 1 });
  });
}

test('an empty array is a request without events', async () => {
  const shop = await SmallShop.open();
  assert.deepEqual(await shop.accept(' [ ] '), { received: 0, accepted: 0, duplicates: 0, rejected: [] });
});
