import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMillraceError, seededRandom, silentLogger, silentMeter } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import { kafkaClassPath } from '@millrace/testkit/engines';
import { KafkaCluster } from '@millrace/testkit/kafka';
import {
  append,
  batchOf,
  NumberedCommits,
  readAll,
  readValues,
  realClock,
  rejection,
  valueOf,
} from '@millrace/testkit/log';
import { Producer, stringSerializers } from '@platformatic/kafka';
import type { KafkaLogOptions } from './config.ts';
import { openKafkaLog } from './kafka-log.ts';

const engine = kafkaClassPath();
const skip = 'absent' in engine && engine.absent;

/** A broker that died may register again when its session is over: 9 s by default. */
const QUICK_FENCING = { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '400' };

let cluster: KafkaCluster;
/** Closed at the end, also those of a test that failed. */
const opened: EventLog[] = [];
before(async () => {
  if (skip === false) cluster = await KafkaCluster.start(1, { properties: QUICK_FENCING });
});
after(async () => {
  for (const log of opened) await log.close();
  if (skip === false) await cluster.stop();
});

async function open(options: Partial<KafkaLogOptions> = {}): Promise<EventLog> {
  const { brokers } = cluster;
  const shared = { clock: realClock, meter: silentMeter, logger: silentLogger };
  const log = await openKafkaLog({ brokers, ...shared, ...options });
  opened.push(log);
  return log;
}

const offsetOf = (nextOffset: number) => [{ group: 'g', topic: 'zombies', partition: 0, nextOffset }];

test('[LK1] aborted records of others are not read, however many aborts there are', { skip }, async () => {
  const log = await open();
  await log.createTopic('aborts', { partitions: 1 });
  const producer = new Producer({
    clientId: 'other',
    bootstrapBrokers: [...cluster.brokers],
    idempotent: true,
    transactionalId: 'other',
    serializers: stringSerializers,
    retries: 50,
    retryDelay: 20,
  });
  const expected: string[] = [];
  for (const [i, isCommitted] of [false, false, false, true, false, true, false, false].entries()) {
    const transaction = await producer.beginTransaction();
    const values = Array.from({ length: 3 }, (_, n) => `${i}.${n}`);
    for (const value of values) {
      await transaction.send({ messages: [{ topic: 'aborts', partition: 0, key: 'k', value }] });
    }
    if (isCommitted) {
      await transaction.commit();
      expected.push(...values);
    } else {
      await transaction.abort();
    }
  }
  await producer.close();
  await append(log, ['aborts', 0], ['own']);
  expected.push('own');
  for (const bytesMax of [1 << 20, 300, 1]) {
    const records = await readAll(log, ['aborts', 0], { bytesMax });
    assert.deepEqual(records.map(valueOf), expected);
  }
  // From every offset there is a way to the end, also from those of aborted records and of markers.
  const { startOffset, endOffset } = log.range('aborts', 0);
  const all = await readAll(log, ['aborts', 0]);
  for (let offset = startOffset; offset < endOffset; offset++) {
    const rest = all.filter((record) => record.offset >= offset).map(valueOf);
    assert.deepEqual(await readValues(log, ['aborts', 0], { offset, bytesMax: 200 }), rest, `${offset}`);
  }
  await log.close();
});

test('[LK6] what others append comes with the next look, and wakes listeners', { skip }, async () => {
  const [log, other] = [await open(), await open({ transactionalId: 'other-log' })];
  await log.createTopic('shared', { partitions: 1 });
  while (other.describe('shared') === undefined) await sleep(20);
  const heard = new Promise((resolve) => log.onCommit((topics) => topics.has('shared') && resolve(true)));
  await append(other, ['shared', 0], ['theirs']);
  assert.equal(await heard, true);
  assert.deepEqual(await readValues(log, ['shared', 0]), ['theirs']);
  await Promise.all([log.close(), other.close()]);
});

test(
  '[LK2] a second opener takes over; the first is fenced, and what it committed is there at once',
  {
    skip,
  },
  async (t) => {
    const seed = Date.now() % 100_000;
    t.diagnostic(`seed ${seed}`);
    const random = seededRandom(seed);
    let log = await open();
    await log.createTopic('zombies', { partitions: 2 });
    let committed = 0;
    for (let round = 1; round <= 15; round++) {
      const failures: Error[] = [];
      const zombie = log;
      const appends = [0, 1].map((partition) => ({
        topic: 'zombies',
        partition,
        batch: batchOf([`${round}`]),
      }));
      const onItsWay = zombie.commit({ appends, offsets: offsetOf(round) });
      const outcome = onItsWay.then(
        () => true,
        (error: unknown) => {
          assert.ok(isMillraceError(error) && error.code === 'KAFKA_FENCED', String(error));
          return false;
        },
      );
      await sleep(random.next() * 25);
      log = await open({ onFailure: (error) => failures.push(error) });
      const [first, second] = [await readValues(log, ['zombies', 0]), await readValues(log, ['zombies', 1])];
      const seen = log.committedOffset('g', 'zombies', 0) ?? 0;
      const error = await rejection(append(zombie, ['zombies', 0], ['too late']), 'KAFKA_FENCED');
      assert.equal(error.kind, 'fenced');
      if (await outcome) committed = round;
      assert.equal(seen, committed, `round ${round}: the offset is that of the last commit`);
      assert.equal(first.at(-1) ?? '0', String(committed));
      assert.deepEqual(first, second);
      assert.deepEqual(failures, []);
      await zombie.close();
    }
    assert.equal(new Set(await readValues(log, ['zombies', 0])).has('too late'), false);
    await log.close();
  },
);

test(
  '[LK3] a broker that dies within a transaction: each commit is there once, in order',
  { skip },
  async () => {
    const log = await open({ limits: { retryMsMax: 60_000 } });
    const commits = await NumberedCommits.begin(log, 'restarts');
    for (let round = 0; round < 2; round++) {
      await commits.goesOn();
      await cluster.killBroker(1);
      await cluster.startBroker(1);
    }
    await commits.goesOn();
    const count = await commits.stop();
    await NumberedCommits.check(log, 'restarts', count);
    await log.close();
    await NumberedCommits.check(await open(), 'restarts', count);
  },
);

test('no broker answers: refused as what passes, and nothing is left behind', { skip }, async () => {
  const limits = { retryMsMax: 300 };
  const error = await rejection(open({ brokers: ['127.0.0.1:1'], limits }), 'KAFKA_UNAVAILABLE');
  assert.match(error.message, /reach the brokers/);
});
