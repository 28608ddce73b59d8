import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, ping, pingOf, SmallShop, view, viewOf } from '@millrace/testkit/ingest';
import { MillraceError } from '../base/index.ts';
import { ContractRegistry } from '../contract/index.ts';
import { RecordBatchBuilder } from '../log/index.ts';

test('dead letters are replayed once their cause is gone, and never twice', async () => {
  const shop = await SmallShop.open({}, [view]);
  const early = [pingOf(), pingOf(), pingOf()];
  await shop.lines([viewOf(), ...early, early[0], viewOf({ price: 'x' }), 'no json']);
  assert.equal(shop.ingest.counts().deadLettered, 6);
  const letters = await shop.letters();
  assert.deepEqual(
    letters.map(({ code }) => code),
    [...Array.from({ length: 4 }, () => 'INGEST_UNKNOWN_TYPE'), 'INGEST_BAD_FIELD', 'INGEST_NOT_JSON'],
  );

  await drive(shop.clock, shop.ingest.useRegistry(new ContractRegistry([view, ping])));
  const filter = ({ code }: { code: string }) => code === 'INGEST_UNKNOWN_TYPE';
  const report = await drive(shop.clock, shop.ingest.replayDeadLetters({ filter }));
  assert.deepEqual(report, { chosen: 4, accepted: 3, duplicates: 1, rejected: 0, incomplete: 0 });
  const replayed = await shop.records('pings');
  assert.deepEqual(
    replayed.map(({ value }) => JSON.parse(value!) as unknown),
    early,
  );
  for (const record of replayed) assert.deepEqual(record.headers, { replayed: '1' });
  shop.assertIdentity();

  const again = await drive(shop.clock, shop.ingest.replayDeadLetters());
  assert.deepEqual(again, { chosen: 2, accepted: 0, duplicates: 0, rejected: 2, incomplete: 0 });
  assert.equal((await shop.letters()).length, 2);
  assert.equal(shop.ingest.counts().deadLettered, 6);
});

test('a replay whose commit fails settles nothing', async () => {
  const shop = await SmallShop.open({}, [view]);
  await shop.lines([pingOf(), viewOf()]);
  await drive(shop.clock, shop.ingest.useRegistry(new ContractRegistry([view, ping])));
  shop.log.hold();
  const failing = shop.ingest.replayDeadLetters();
  while (shop.log.pending === 0) await shop.clock.advance(0);
  shop.log.release(
    1,
    new MillraceError('LOG_DISK_FULL', { kind: 'transient', cause: 'full', remedy: 'free' }),
  );
  await assert.rejects(failing, { code: 'LOG_DISK_FULL' });
  shop.log.unhold();
  assert.equal((await drive(shop.clock, shop.ingest.replayDeadLetters())).accepted, 1);
});

test('a letter of which only a part was kept is not replayed', async () => {
  const shop = await SmallShop.open();
  await shop.lines([viewOf({ user_id: 'x'.repeat(300_000) }), viewOf()]);
  const report = await drive(shop.clock, shop.ingest.replayDeadLetters());
  assert.deepEqual(report, { chosen: 1, accepted: 0, duplicates: 0, rejected: 0, incomplete: 1 });
});

test('letters of streams are listed, and not sent through the door again', async () => {
  const shop = await SmallShop.open();
  const text = (value: string) => Buffer.from(value);
  const batch = new RecordBatchBuilder({ createdAtMs: 0 });
  const headers = { code: 'own header of the record', bytes: '2', received_at: '5', application: 'fraud' };
  const letter = Object.entries(headers).map(([key, value]) => ({ key, value: text(value) }));
  const code = { key: 'code', value: text('STREAMS_USER_FUNCTION_FAILED') };
  batch.append(text('k'), text('{}'), [...letter, code]);
  batch.append(null, null, [...letter, code]);
  await shop.log.commit({ appends: [{ topic: 'dead_letters', partition: 0, batch }] });
  const letters = await shop.letters();
  assert.deepEqual(
    letters.map(({ application, code: reason, isWhole }) => [application, reason, isWhole]),
    [
      ['fraud', 'STREAMS_USER_FUNCTION_FAILED', true],
      ['fraud', 'STREAMS_USER_FUNCTION_FAILED', false],
    ],
  );
  assert.equal((await drive(shop.clock, shop.ingest.replayDeadLetters())).chosen, 0);
});
