import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, pingOf, SmallShop, viewOf } from '@millrace/testkit/ingest';
import { isMillraceError, MillraceError } from '../base/index.ts';
import { partitionFor } from '../log/index.ts';

test('good and bad events of a request are one commit', async () => {
  const shop = await SmallShop.open();
  shop.log.hold();
  const failing = shop.lines([viewOf(), 'bad', pingOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(shop.log.pending, 1);
  shop.log.release(
    1,
    new MillraceError('LOG_DISK_FULL', { kind: 'transient', cause: 'full', remedy: 'free' }),
  );
  await assert.rejects(failing, { code: 'LOG_DISK_FULL' });
  for (const topic of ['events', 'pings', 'dead_letters']) assert.deepEqual(await shop.records(topic), []);
  assert.equal(shop.ingest.counts().received, 0);
  assert.equal(shop.ingest.counts().refusedRequests, 1);
});

test('the answer waits until everything is durable', async () => {
  const shop = await SmallShop.open();
  shop.log.hold();
  let answered = false;
  const answer = shop.lines([viewOf()]).then(() => (answered = true));
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  shop.log.unhold();
  assert.equal(await answer, true);
});

test('the second of two equal ids is a duplicate: in a request, later, and after a restart', async () => {
  const shop = await SmallShop.open();
  const one = viewOf();
  const other = pingOf();
  assert.deepEqual(await shop.lines([one, one, other, one]), {
    received: 4,
    accepted: 2,
    duplicates: 2,
    rejected: [],
  });
  assert.deepEqual(await shop.lines([other, one]), { received: 2, accepted: 0, duplicates: 2, rejected: [] });
  shop.assertIdentity();
  await shop.ingest.close();
  await shop.start();
  const reply = await shop.accept(JSON.stringify([other, one, viewOf()]));
  assert.deepEqual(reply, { received: 3, accepted: 1, duplicates: 2, rejected: [] });
  assert.equal(shop.ingest.counts().received, 3);
});

test('equal ids in different topics are different events', async () => {
  const shop = await SmallShop.open();
  assert.equal((await shop.lines([viewOf({ event_id: 'same' }), pingOf({ event_id: 'same' })])).accepted, 2);
});

test('a twin in flight is a duplicate when the first one is stored', async () => {
  const shop = await SmallShop.open();
  const event = viewOf();
  shop.log.hold();
  const first = shop.lines([event]);
  const twin = shop.lines([event, viewOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(shop.log.pending, 2);
  shop.log.release(2);
  assert.equal((await first).accepted, 1);
  assert.deepEqual(await twin, { received: 2, accepted: 1, duplicates: 1, rejected: [] });
});

test('a twin in flight is stored when the first one fails', async () => {
  const shop = await SmallShop.open();
  const event = viewOf();
  shop.log.hold();
  const first = shop.lines([event]);
  const twin = shop.lines([event, event]);
  const full = new MillraceError('LOG_BACKPRESSURE', { kind: 'transient', cause: 'full', remedy: 'wait' });
  await new Promise((resolve) => setImmediate(resolve));
  shop.log.release(1, full);
  await assert.rejects(first, { code: 'LOG_BACKPRESSURE' });
  await new Promise((resolve) => setImmediate(resolve));
  shop.log.unhold();
  assert.deepEqual(await twin, { received: 2, accepted: 1, duplicates: 1, rejected: [] });
  assert.equal((await shop.records('events')).length, 1);
  shop.assertIdentity();
});

test('two requests that wait for each other both end', async () => {
  const shop = await SmallShop.open();
  const [a, b] = [viewOf(), viewOf()];
  shop.log.hold();
  const one = shop.lines([a, b]);
  const other = shop.lines([b, a]);
  await new Promise((resolve) => setImmediate(resolve));
  shop.log.unhold();
  assert.equal((await one).accepted + (await other).accepted, 2);
  assert.equal((await shop.records('events')).length, 2);
});

test('after a failure that leaves doubt nothing is taken any more', async () => {
  const shop = await SmallShop.open();
  shop.log.hold();
  const first = shop.lines([viewOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  shop.log.release(
    1,
    new MillraceError('LOG_SYNC_FAILED', { kind: 'fatal', cause: 'disk', remedy: 'check' }),
  );
  await assert.rejects(first, { code: 'INGEST_FAILED', kind: 'fatal' });
  shop.log.unhold();
  await assert.rejects(shop.lines([viewOf()]), { code: 'INGEST_FAILED' });
  assert.deepEqual(await shop.records('events'), []);
});

test('bodies beyond the memory set aside are refused until others have ended', async () => {
  const shop = await SmallShop.open({ limits: { inFlightBytesMax: 10 * 1024 * 1024 } });
  const admission = shop.ingest.admit();
  admission.growTo(10 * 1024 * 1024 - 10);
  await assert.rejects(shop.accept(JSON.stringify(viewOf())), (error: unknown) => {
    return (
      isMillraceError(error) &&
      error.code === 'INGEST_OVERLOADED' &&
      error.kind === 'transient' &&
      error.retryAfterMs! > 0
    );
  });
  admission.release();
  admission.release();
  assert.equal((await shop.accept(JSON.stringify(viewOf()))).accepted, 1);
  assert.equal((await shop.records('events')).length, 1);
});

test('closing ends what is being handled and refuses the rest', async () => {
  const shop = await SmallShop.open();
  shop.log.hold();
  const running = shop.lines([viewOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  const closing = shop.ingest.close();
  await assert.rejects(shop.lines([viewOf()]), { code: 'INGEST_CLOSED', kind: 'aborted' });
  shop.log.unhold();
  assert.equal((await running).accepted, 1);
  await closing;
});

test('a large request lets others have their turn', async () => {
  const shop = await SmallShop.open();
  const options = { contentType: 'application/json', receivedAtMs: shop.clock.nowMs() };
  const large = shop.ingest.accept(
    Buffer.from(JSON.stringify(Array.from({ length: 5000 }, () => viewOf()))),
    options,
  );
  assert.equal(shop.clock.pending, 1);
  assert.equal((await shop.ingest.accept(Buffer.from(JSON.stringify(viewOf())), options)).accepted, 1);
  assert.equal((await drive(shop.clock, large)).accepted, 5000);
});

test('a partition takes a further batch where one would be too large', async () => {
  const shop = await SmallShop.open();
  const events = Array.from({ length: 30 }, () => viewOf({ user_id: 'u', nested: 'x'.repeat(100_000) }));
  assert.equal((await shop.lines(events)).accepted, 30);
  const batches = await shop.log.read('events', partitionFor(Buffer.from('u'), 4), {
    offset: 0,
    bytesMax: Infinity,
  });
  assert.ok(batches.length >= 3);
  for (const batch of batches) assert.ok(batch.bytes.length <= 1_048_576);
});
