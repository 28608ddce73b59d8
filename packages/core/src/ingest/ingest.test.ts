import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { drive, MemoryLog } from '@millrace/testkit/ingest';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { isMillraceError, MillraceError, seededRandom } from '../base/index.ts';
import { ContractRegistry, defineEvent, Type, type EventContract } from '../contract/index.ts';
import { partitionFor, type EventLog, type LogRecord } from '../log/index.ts';
import {
  createIngest,
  type AcceptOptions,
  type DeadLetter,
  type Ingest,
  type IngestOptions,
} from './index.ts';

const view = defineEvent({
  name: 'view',
  version: 1,
  key: 'user_id',
  schema: Type.Object({
    user_id: Type.String(),
    price: Type.Number(),
    nested: Type.Optional(Type.Unknown()),
  }),
});
const ping = defineEvent({
  name: 'ping',
  version: 1,
  topic: 'pings',
  schema: Type.Object({ page: Type.String() }),
});

async function setUp(
  options: Partial<IngestOptions> = {},
  contracts: readonly EventContract[] = [view, ping],
) {
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  const files = new SimulatedDisk({ random: seededRandom(1) }).mount();
  const registry = new ContractRegistry(contracts);
  const random = seededRandom(2);
  const opening = createIngest({ log, registry, clock, random, files, folder: '/data/dedup', ...options });
  const ingest = await drive(clock, opening);
  const accept = (body: string | Buffer, given: Partial<AcceptOptions> = {}) => {
    const options = { contentType: 'application/json', receivedAtMs: clock.nowMs(), ...given };
    return drive(clock, ingest.accept(Buffer.from(body as string), options));
  };
  const lines = (events: readonly unknown[], given: Partial<AcceptOptions> = {}) => {
    const body = events
      .map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
      .join('\n');
    return accept(body, { contentType: 'application/x-ndjson', ...given });
  };
  return { clock, log, files, ingest, accept, lines, registry };
}

let lastId = 0;
const viewOf = (change: Record<string, unknown> = {}) => ({
  event_id: `v${++lastId}`,
  event_type: 'view',
  event_timestamp: 1_700_000_000_000,
  user_id: 'u1',
  price: 5,
  ...change,
});
const pingOf = (change: Record<string, unknown> = {}) => ({
  event_id: `p${++lastId}`,
  event_type: 'ping',
  event_timestamp: '2023-11-14T22:13:20Z',
  page: '/',
  ...change,
});

async function recordsOf(
  log: EventLog,
  topic: string,
): Promise<(LogRecord & { readonly partition: number })[]> {
  const records = [];
  for (let partition = 0; partition < log.describe(topic)!.partitions; partition++) {
    for (const batch of await log.read(topic, partition, { offset: 0, bytesMax: Infinity })) {
      for (const record of batch.records()) records.push(Object.assign(record, { partition }));
    }
  }
  return records;
}

const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());
const headersOf = (record: LogRecord) =>
  Object.fromEntries(record.headers.map(({ key, value }) => [key, textOf(value)]));

async function lettersOf(ingest: Ingest): Promise<DeadLetter[]> {
  const letters = [];
  for await (const letter of ingest.deadLetters()) letters.push(letter);
  return letters;
}

function assertIdentity(ingest: Ingest): void {
  const { received, stored, duplicates, deadLettered } = ingest.counts();
  assert.equal(received, stored + duplicates + deadLettered);
}

test('an object, an array and lines are taken alike; raw bytes are kept', async () => {
  const { log, ingest, accept, lines } = await setUp();
  const raw = ['one', 'two', 'three', 'four'].map(
    (id) => ` ${JSON.stringify(viewOf({ event_id: id }), null, 2)} `,
  );
  const inLine = raw.map((each) => each.replaceAll('\n', ''));
  assert.deepEqual(await accept(raw[0]!), { received: 1, accepted: 1, duplicates: 0, rejected: [] });
  assert.deepEqual(await accept(`[${raw[1]},${raw[2]}]`), {
    received: 2,
    accepted: 2,
    duplicates: 0,
    rejected: [],
  });
  assert.deepEqual(await lines([inLine[3]!, '']), { received: 1, accepted: 1, duplicates: 0, rejected: [] });
  const stored = (await recordsOf(log, 'events')).map(({ value }) => textOf(value));
  assert.deepEqual(stored, [raw[0]!.trim(), raw[1]!.trim(), raw[2]!.trim(), inLine[3]!.trim()]);
  assertIdentity(ingest);
  assert.deepEqual(ingest.counts(), {
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
  const { log, clock, accept } = await setUp();
  const users = Array.from({ length: 20 }, (_, i) => `user-é-${i}`);
  await accept(JSON.stringify(users.map((user_id) => viewOf({ user_id }))), {
    receivedAtMs: clock.nowMs() - 40,
  });
  const records = await recordsOf(log, 'events');
  for (const record of records) {
    assert.equal(textOf(record.key), (JSON.parse(textOf(record.value)!) as { user_id: string }).user_id);
    assert.equal(record.partition, partitionFor(record.key!, 4));
    assert.deepEqual(record.headers, []);
  }
  assert.ok(new Set(records.map(({ partition }) => partition)).size > 1);
  const [batch] = await log.read('events', records[0]!.partition, { offset: 0, bytesMax: Infinity });
  assert.equal(batch!.createdAtMs, clock.nowMs() - 40);

  await accept(JSON.stringify(viewOf({ event_id: 'again' })), { replayed: true });
  const marked = (await recordsOf(log, 'events')).find(({ value }) => textOf(value)!.includes('again'))!;
  assert.deepEqual(headersOf(marked), { replayed: '1' });
});

test('requests without keys go to the partitions in turn, also to those that came later', async () => {
  const { log, accept } = await setUp({ topics: { pings: { partitions: 2 } } });
  for (let i = 0; i < 4; i++) await accept(JSON.stringify([pingOf(), pingOf()]));
  const counts = () =>
    [0, 1, 2].map((partition) =>
      partition < log.describe('pings')!.partitions ? log.range('pings', partition).endOffset : 0,
    );
  assert.deepEqual(counts(), [4, 4, 0]);
  await log.addPartitions('pings', 3);
  for (let i = 0; i < 6; i++) await accept(JSON.stringify([pingOf()]));
  assert.ok(counts()[2]! >= 2);
  const [record] = await recordsOf(log, 'pings');
  assert.equal(record!.key, null);
});

test('one batch for each partition of a request', async () => {
  const { log, lines } = await setUp();
  const events = Array.from({ length: 100 }, (_, i) => viewOf({ user_id: `u${i % 50}` }));
  await lines([...events, ...Array.from({ length: 10 }, () => pingOf())]);
  for (let partition = 0; partition < 4; partition++) {
    assert.equal((await log.read('events', partition, { offset: 0, bytesMax: Infinity })).length, 1);
  }
  assert.equal(log.range('pings', 0).endOffset, 10);
});

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
    const { log, lines, ingest } = await setUp();
    const good = viewOf();
    const reply = await lines([good, event, pingOf()]);
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
    const [letter, ...others] = await recordsOf(log, 'dead_letters');
    assert.equal(others.length, 0);
    const raw = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
    assert.deepEqual(Buffer.from(letter!.value!), raw.subarray(0, 256 * 1024));
    assert.deepEqual(headersOf(letter!), {
      code,
      message: reply.rejected[0]!.message,
      received_at: '1700000000000',
      bytes: String(raw.length),
    });
    assertIdentity(ingest);
    assert.equal(ingest.counts().deadLettered, 1);
  });
}

test('the deepest and the largest event that are allowed', async () => {
  const { lines } = await setUp();
  const large = viewOf({ user_id: '' });
  large.user_id = 'x'.repeat(256 * 1024 - JSON.stringify(large).length);
  const reply = await lines([
    viewOf({ nested: deep(19) }),
    large,
    viewOf({ event_timestamp: 1_700_000_300_000 }),
  ]);
  assert.equal(reply.accepted, 3);
});

test('a very deep event is rejected, not a crash', async () => {
  const { accept, log } = await setUp();
  const text = JSON.stringify(viewOf()).replace(
    '"price"',
    `"nested":${'['.repeat(100_000)}${']'.repeat(100_000)},"price"`,
  );
  const reply = await accept(`[${text}]`);
  assert.equal(reply.rejected[0]!.code, 'INGEST_TOO_DEEP');
  assert.equal((await recordsOf(log, 'dead_letters')).length, 1);
});

test('bytes that are no UTF-8 are rejected alone', async () => {
  const { ingest, clock, log } = await setUp();
  const good = JSON.stringify(viewOf({ user_id: 'é' }));
  const body = Buffer.concat([
    Buffer.from(`${good}\n{"a":"`),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}\n'),
  ]);
  const reply = await ingest.accept(body, {
    contentType: 'application/x-ndjson',
    receivedAtMs: clock.nowMs(),
  });
  assert.deepEqual([reply.accepted, reply.rejected[0]!.code], [1, 'INGEST_NOT_UTF8']);
  assert.equal(textOf((await recordsOf(log, 'events'))[0]!.value), good);
});

test('an array whose elements are rejected keeps their places', async () => {
  const { accept } = await setUp();
  const reply = await accept(JSON.stringify([1, viewOf(), 'x', viewOf({ price: null }), viewOf()]));
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
    const { log, accept, ingest } = await setUp();
    await assert.rejects(accept(body, { contentType }), { code, kind: 'input' });
    assert.deepEqual(await recordsOf(log, 'events'), []);
    assert.deepEqual(await recordsOf(log, 'dead_letters'), []);
    const { received, refusedRequests } = ingest.counts();
    assert.deepEqual({ received, refusedRequests }, { received: 0, refusedRequests: 1 });
  });
}

test('an empty array is a request without events', async () => {
  const { accept } = await setUp();
  assert.deepEqual(await accept(' [ ] '), { received: 0, accepted: 0, duplicates: 0, rejected: [] });
});

test('good and bad events of a request are one commit', async () => {
  const { log, lines, ingest } = await setUp();
  log.hold();
  const failing = lines([viewOf(), 'bad', pingOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(log.pending, 1);
  log.release(1, new MillraceError('LOG_DISK_FULL', { kind: 'transient', cause: 'full', remedy: 'free' }));
  await assert.rejects(failing, { code: 'LOG_DISK_FULL' });
  for (const topic of ['events', 'pings', 'dead_letters']) assert.deepEqual(await recordsOf(log, topic), []);
  assert.equal(ingest.counts().received, 0);
  assert.equal(ingest.counts().refusedRequests, 1);
});

test('the answer waits until everything is durable', async () => {
  const { log, lines } = await setUp();
  log.hold();
  let answered = false;
  const answer = lines([viewOf()]).then(() => (answered = true));
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  log.unhold();
  assert.equal(await answer, true);
});

test('the second of two equal ids is a duplicate: in a request, later, and after a restart', async () => {
  const { clock, log, files, registry, lines, ingest } = await setUp();
  const one = viewOf();
  const other = pingOf();
  assert.deepEqual(await lines([one, one, other, one]), {
    received: 4,
    accepted: 2,
    duplicates: 2,
    rejected: [],
  });
  assert.deepEqual(await lines([other, one]), { received: 2, accepted: 0, duplicates: 2, rejected: [] });
  assertIdentity(ingest);
  await ingest.close();
  const random = seededRandom(9);
  const restarted = await drive(
    clock,
    createIngest({ log, registry, clock, random, files, folder: '/data/dedup' }),
  );
  const body = Buffer.from(JSON.stringify([other, one, viewOf()]));
  const reply = await restarted.accept(body, {
    contentType: 'application/json',
    receivedAtMs: clock.nowMs(),
  });
  assert.deepEqual(reply, { received: 3, accepted: 1, duplicates: 2, rejected: [] });
  assert.equal(restarted.counts().received, 3);
  await restarted.close();
});

test('equal ids in different topics are different events', async () => {
  const { lines } = await setUp();
  assert.equal((await lines([viewOf({ event_id: 'same' }), pingOf({ event_id: 'same' })])).accepted, 2);
});

test('a twin in flight is a duplicate when the first one is stored', async () => {
  const { log, lines } = await setUp();
  const event = viewOf();
  log.hold();
  const first = lines([event]);
  const twin = lines([event, viewOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(log.pending, 2);
  log.release(2);
  assert.equal((await first).accepted, 1);
  assert.deepEqual(await twin, { received: 2, accepted: 1, duplicates: 1, rejected: [] });
});

test('a twin in flight is stored when the first one fails', async () => {
  const { log, lines, ingest } = await setUp();
  const event = viewOf();
  log.hold();
  const first = lines([event]);
  const twin = lines([event, event]);
  const full = new MillraceError('LOG_BACKPRESSURE', { kind: 'transient', cause: 'full', remedy: 'wait' });
  await new Promise((resolve) => setImmediate(resolve));
  log.release(1, full);
  await assert.rejects(first, { code: 'LOG_BACKPRESSURE' });
  await new Promise((resolve) => setImmediate(resolve));
  log.unhold();
  assert.deepEqual(await twin, { received: 2, accepted: 1, duplicates: 1, rejected: [] });
  assert.equal((await recordsOf(log, 'events')).length, 1);
  assertIdentity(ingest);
});

test('two requests that wait for each other both end', async () => {
  const { log, lines } = await setUp();
  const [a, b] = [viewOf(), viewOf()];
  log.hold();
  const one = lines([a, b]);
  const other = lines([b, a]);
  await new Promise((resolve) => setImmediate(resolve));
  log.unhold();
  assert.equal((await one).accepted + (await other).accepted, 2);
  assert.equal((await recordsOf(log, 'events')).length, 2);
});

test('after a failure that leaves doubt nothing is taken any more', async () => {
  const { log, lines } = await setUp();
  log.hold();
  const first = lines([viewOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  log.release(1, new MillraceError('LOG_SYNC_FAILED', { kind: 'fatal', cause: 'disk', remedy: 'check' }));
  await assert.rejects(first, { code: 'INGEST_FAILED', kind: 'fatal' });
  log.unhold();
  await assert.rejects(lines([viewOf()]), { code: 'INGEST_FAILED' });
  assert.deepEqual(await recordsOf(log, 'events'), []);
});

test('bodies beyond the memory set aside are refused until others have ended', async () => {
  const { log, accept, ingest } = await setUp({ limits: { inFlightBytesMax: 10 * 1024 * 1024 } });
  const admission = ingest.admit();
  admission.growTo(10 * 1024 * 1024 - 10);
  await assert.rejects(accept(JSON.stringify(viewOf())), (error: unknown) => {
    return (
      isMillraceError(error) &&
      error.code === 'INGEST_OVERLOADED' &&
      error.kind === 'transient' &&
      error.retryAfterMs! > 0
    );
  });
  admission.release();
  admission.release();
  assert.equal((await accept(JSON.stringify(viewOf()))).accepted, 1);
  assert.equal((await recordsOf(log, 'events')).length, 1);
});

test('closing ends what is being handled and refuses the rest', async () => {
  const { log, lines, ingest } = await setUp();
  log.hold();
  const running = lines([viewOf()]);
  await new Promise((resolve) => setImmediate(resolve));
  const closing = ingest.close();
  await assert.rejects(lines([viewOf()]), { code: 'INGEST_CLOSED', kind: 'aborted' });
  log.unhold();
  assert.equal((await running).accepted, 1);
  await closing;
});

test('a large request lets others have their turn', async () => {
  const { clock, ingest } = await setUp();
  const options = { contentType: 'application/json', receivedAtMs: clock.nowMs() };
  const large = ingest.accept(
    Buffer.from(JSON.stringify(Array.from({ length: 5000 }, () => viewOf()))),
    options,
  );
  assert.equal(clock.pending, 1);
  assert.equal((await ingest.accept(Buffer.from(JSON.stringify(viewOf())), options)).accepted, 1);
  assert.equal((await drive(clock, large)).accepted, 5000);
});

test('a partition takes a further batch where one would be too large', async () => {
  const { log, lines } = await setUp();
  const events = Array.from({ length: 30 }, () => viewOf({ user_id: 'u', nested: 'x'.repeat(100_000) }));
  assert.equal((await lines(events)).accepted, 30);
  const batches = await log.read('events', partitionFor(Buffer.from('u'), 4), {
    offset: 0,
    bytesMax: Infinity,
  });
  assert.ok(batches.length >= 3);
  for (const batch of batches) assert.ok(batch.bytes.length <= 1_048_576);
});

test('topics get their configuration, and contradictions are named', async () => {
  const { log } = await setUp({
    topics: { events: { partitions: 7 }, pings: { partitions: 2, keyed: false } },
  });
  assert.deepEqual(
    log.topics().map(({ topic, partitions, keyed }) => `${topic} ${partitions} ${keyed}`),
    ['dead_letters 1 false', 'events 7 true', 'pings 2 false'],
  );
  assert.equal(log.describe('dead_letters')!.retentionBytes, 256 * 1024 * 1024);
  await assert.rejects(setUp({ topics: { events: { partitions: 2, keyed: false } } }), {
    code: 'INGEST_TOPIC_MISMATCH',
  });
  await assert.rejects(setUp({ limits: { eventBytesMax: 5 } }), { code: 'INGEST_BAD_LIMIT', kind: 'config' });
  await assert.rejects(setUp({ limits: { depthMax: NaN } }), { code: 'INGEST_BAD_LIMIT' });
});

test('changed contracts are taken over', async () => {
  const { clock, ingest, lines } = await setUp();
  const order = defineEvent({ name: 'order', version: 1, topic: 'orders', schema: Type.Object({}) });
  const event = { event_id: 'o1', event_type: 'order', event_timestamp: 0 };
  assert.equal((await lines([event])).rejected[0]!.code, 'INGEST_UNKNOWN_TYPE');
  await drive(clock, ingest.useRegistry(new ContractRegistry([view, ping, order])));
  assert.equal((await lines([event])).accepted, 1);
  assert.equal((await lines([event])).duplicates, 1);
  const moved = defineEvent({
    name: 'order',
    version: 2,
    topic: 'orders',
    id: 'order_id',
    schema: Type.Object({}),
  });
  await assert.rejects(ingest.useRegistry(new ContractRegistry([moved])), { code: 'INGEST_TOPIC_MISMATCH' });
});

test('dead letters are replayed once their cause is gone, and never twice', async () => {
  const { clock, log, ingest, lines } = await setUp({}, [view]);
  const early = [pingOf(), pingOf(), pingOf()];
  await lines([viewOf(), ...early, early[0], viewOf({ price: 'x' }), 'no json']);
  assert.equal(ingest.counts().deadLettered, 6);
  const letters = await lettersOf(ingest);
  assert.deepEqual(
    letters.map(({ code }) => code),
    [...Array.from({ length: 4 }, () => 'INGEST_UNKNOWN_TYPE'), 'INGEST_BAD_FIELD', 'INGEST_NOT_JSON'],
  );

  await drive(clock, ingest.useRegistry(new ContractRegistry([view, ping])));
  const filter = ({ code }: { code: string }) => code === 'INGEST_UNKNOWN_TYPE';
  const report = await drive(clock, ingest.replayDeadLetters({ filter }));
  assert.deepEqual(report, { chosen: 4, accepted: 3, duplicates: 1, rejected: 0, incomplete: 0 });
  const replayed = await recordsOf(log, 'pings');
  assert.deepEqual(
    replayed.map(({ value }) => JSON.parse(textOf(value)!) as unknown),
    early,
  );
  for (const record of replayed) assert.deepEqual(headersOf(record), { replayed: '1' });
  assertIdentity(ingest);

  const again = await drive(clock, ingest.replayDeadLetters());
  assert.deepEqual(again, { chosen: 2, accepted: 0, duplicates: 0, rejected: 2, incomplete: 0 });
  assert.equal((await lettersOf(ingest)).length, 2);
  assert.equal(ingest.counts().deadLettered, 6);
});

test('a replay whose commit fails settles nothing', async () => {
  const { clock, log, ingest, lines } = await setUp({}, [view]);
  await lines([pingOf(), viewOf()]);
  await drive(clock, ingest.useRegistry(new ContractRegistry([view, ping])));
  log.hold();
  const failing = ingest.replayDeadLetters();
  while (log.pending === 0) await clock.advance(0);
  log.release(1, new MillraceError('LOG_DISK_FULL', { kind: 'transient', cause: 'full', remedy: 'free' }));
  await assert.rejects(failing, { code: 'LOG_DISK_FULL' });
  log.unhold();
  assert.equal((await drive(clock, ingest.replayDeadLetters())).accepted, 1);
});

test('a letter of which only a part was kept is not replayed', async () => {
  const { clock, ingest, lines } = await setUp();
  await lines([viewOf({ user_id: 'x'.repeat(300_000) }), viewOf()]);
  const report = await drive(clock, ingest.replayDeadLetters());
  assert.deepEqual(report, { chosen: 1, accepted: 0, duplicates: 0, rejected: 0, incomplete: 1 });
});
