import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, ping, pingOf, SmallShop, view, viewOf } from '@millrace/testkit/ingest';
import { ContractRegistry, defineEvent, Type } from '../contract/index.ts';
import { partitionFor } from '../log/index.ts';

test('an object, an array and lines are taken alike; raw bytes are kept', async () => {
  const shop = await SmallShop.open();
  const raw = ['one', 'two', 'three', 'four'].map(
    (id) => ` ${JSON.stringify(viewOf({ event_id: id }), null, 2)} `,
  );
  const inLine = raw.map((each) => each.replaceAll('\n', ''));
  assert.deepEqual(await shop.accept(raw[0]!), { received: 1, accepted: 1, duplicates: 0, rejected: [] });
  assert.deepEqual(await shop.accept(`[${raw[1]},${raw[2]}]`), {
    received: 2,
    accepted: 2,
    duplicates: 0,
    rejected: [],
  });
  assert.deepEqual(await shop.lines([inLine[3]!, '']), {
    received: 1,
    accepted: 1,
    duplicates: 0,
    rejected: [],
  });
  const stored = (await shop.records('events')).map(({ value }) => value);
  assert.deepEqual(stored, [raw[0]!.trim(), raw[1]!.trim(), raw[2]!.trim(), inLine[3]!.trim()]);
  shop.assertIdentity();
  assert.deepEqual(shop.ingest.counts(), {
    received: 4,
    stored: 4,
    duplicates: 0,
    deadLettered: 0,
    refusedRequests: 0,
    requests: 3,
    lastStoredAtMs: 1_700_000_000_000,
  });
});

test('key, partition, arrival time and mark of a record', async () => {
  const shop = await SmallShop.open();
  const users = Array.from({ length: 20 }, (_, i) => `user-é-${i}`);
  await shop.accept(JSON.stringify(users.map((user_id) => viewOf({ user_id }))), {
    receivedAtMs: shop.clock.nowMs() - 40,
  });
  const records = await shop.records('events');
  for (const record of records) {
    assert.equal(record.key, (JSON.parse(record.value!) as { user_id: string }).user_id);
    assert.equal(record.partition, partitionFor(Buffer.from(record.key ?? ''), 4));
    assert.deepEqual(record.headers, {});
  }
  assert.ok(new Set(records.map(({ partition }) => partition)).size > 1);
  const [batch] = await shop.log.read('events', records[0]!.partition, { offset: 0, bytesMax: Infinity });
  assert.equal(batch!.createdAtMs, shop.clock.nowMs() - 40);

  await shop.accept(JSON.stringify(viewOf({ event_id: 'again' })), { replayed: true });
  const marked = (await shop.records('events')).find(({ value }) => value!.includes('again'))!;
  assert.deepEqual(marked.headers, { replayed: '1' });
});

test('requests without keys go to the partitions in turn, also to those that came later', async () => {
  const shop = await SmallShop.open({ topics: { pings: { partitions: 2 } } });
  for (let i = 0; i < 4; i++) await shop.accept(JSON.stringify([pingOf(), pingOf()]));
  const counts = () =>
    [0, 1, 2].map((partition) =>
      partition < shop.log.describe('pings')!.partitions ? shop.log.range('pings', partition).endOffset : 0,
    );
  assert.deepEqual(counts(), [4, 4, 0]);
  await shop.log.addPartitions('pings', 3);
  for (let i = 0; i < 6; i++) await shop.accept(JSON.stringify([pingOf()]));
  assert.ok(counts()[2]! >= 2);
  const [record] = await shop.records('pings');
  assert.equal(record!.key, null);
});

test('one batch for each partition of a request', async () => {
  const shop = await SmallShop.open();
  const events = Array.from({ length: 100 }, (_, i) => viewOf({ user_id: `u${i % 50}` }));
  await shop.lines([...events, ...Array.from({ length: 10 }, () => pingOf())]);
  for (let partition = 0; partition < 4; partition++) {
    assert.equal((await shop.log.read('events', partition, { offset: 0, bytesMax: Infinity })).length, 1);
  }
  assert.equal(shop.log.range('pings', 0).endOffset, 10);
});

test('topics get their configuration, and contradictions are named', async () => {
  const shop = await SmallShop.open({
    topics: { events: { partitions: 7 }, pings: { partitions: 2, keyed: false } },
  });
  assert.deepEqual(
    shop.log.topics().map(({ topic, partitions, keyed }) => `${topic} ${partitions} ${keyed}`),
    ['dead_letters 1 false', 'events 7 true', 'pings 2 false'],
  );
  assert.equal(shop.log.describe('dead_letters')!.retentionBytes, 256 * 1024 * 1024);
  await assert.rejects(SmallShop.open({ topics: { events: { partitions: 2, keyed: false } } }), {
    code: 'INGEST_TOPIC_MISMATCH',
  });
  await assert.rejects(SmallShop.open({ topics: { events: { partitions: 2, cleanup: 'compact' } } }), {
    code: 'INGEST_TOPIC_MISMATCH',
  });
  await assert.rejects(SmallShop.open({ limits: { eventBytesMax: 5 } }), {
    code: 'INGEST_BAD_LIMIT',
    kind: 'config',
  });
  await assert.rejects(SmallShop.open({ limits: { depthMax: NaN } }), { code: 'INGEST_BAD_LIMIT' });
});

test('changed contracts are taken over', async () => {
  const shop = await SmallShop.open();
  const order = defineEvent({ name: 'order', version: 1, topic: 'orders', schema: Type.Object({}) });
  const event = { event_id: 'o1', event_type: 'order', event_timestamp: 0 };
  assert.equal((await shop.lines([event])).rejected[0]!.code, 'INGEST_UNKNOWN_TYPE');
  await drive(shop.clock, shop.ingest.useRegistry(new ContractRegistry([view, ping, order])));
  assert.equal((await shop.lines([event])).accepted, 1);
  assert.equal((await shop.lines([event])).duplicates, 1);
  const moved = defineEvent({
    name: 'order',
    version: 2,
    topic: 'orders',
    id: 'order_id',
    schema: Type.Object({}),
  });
  await assert.rejects(shop.ingest.useRegistry(new ContractRegistry([moved])), {
    code: 'INGEST_TOPIC_MISMATCH',
  });
});
