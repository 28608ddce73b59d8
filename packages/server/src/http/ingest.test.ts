import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { nodeFileSystem } from '@millrace/adapters/disk';
import { seededRandom, silentLogger, silentMeter } from '@millrace/core/base';
import { ContractRegistry, defineEvent, Type } from '@millrace/core/contract';
import { createIngest, type IngestOptions } from '@millrace/core/ingest';
import { openEmbeddedLog } from '@millrace/core/log';
import { systemClock as clock } from '../operate/index.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { ingestRoutes, type IngestRoutesOptions } from './ingest.ts';
import { createHttpServer } from './server.ts';

const view = defineEvent({
  name: 'view',
  version: 1,
  key: 'user',
  schema: Type.Object({ user: Type.String() }),
});
const order = defineEvent({ name: 'order', version: 1, topic: 'orders', schema: Type.Object({}) });

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.toReversed()) await close();
});

async function serve(routes: Partial<IngestRoutesOptions> = {}, options: Partial<IngestOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-http-'));
  const files = nodeFileSystem;
  const log = await openEmbeddedLog({
    folder: join(folder, 'log'),
    files,
    clock,
    meter: silentMeter,
    logger: silentLogger,
  });
  const registry = new ContractRegistry([view]);
  const random = seededRandom(1);
  const ingest = await createIngest({
    log,
    registry,
    clock,
    random,
    files,
    folder: join(folder, 'ingest'),
    ...options,
  });
  const server = await createHttpServer({
    port: 0,
    clock,
    logger: silentLogger,
    routes: {
      ingest: (app) => app.register(ingestRoutes, { ingest, clock, ...routes }),
      local: (app) => app.register(deadLetterRoutes, { ingest }),
    },
  });
  closers.push(async () => {
    await server.close();
    await ingest.close();
    await log.close();
    await rm(folder, { recursive: true });
  });
  const send = async (body: string | Buffer, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      answer: JSON.parse(text) as Record<string, unknown>,
    };
  };
  return { log, ingest, server, send };
}

let lastId = 0;
const viewOf = (change: Record<string, unknown> = {}) => ({
  event_id: `e${++lastId}`,
  event_type: 'view',
  event_timestamp: Date.now(),
  user: 'u',
  ...change,
});

test('events in every form are answered when they are durable', async () => {
  const { log, send } = await serve();
  const accepted = (count: number) => ({ received: count, accepted: count, duplicates: 0, rejected: [] });
  const one = await send(JSON.stringify(viewOf()));
  assert.deepEqual([one.status, one.answer], [202, accepted(1)]);
  const array = await send(JSON.stringify([viewOf(), viewOf()]), {
    'content-type': 'application/json; charset=utf-8',
  });
  assert.deepEqual([array.status, array.answer], [202, accepted(2)]);
  const lines = await send(`${JSON.stringify(viewOf())}\n${JSON.stringify(viewOf())}\n`, {
    'content-type': 'application/x-ndjson',
  });
  assert.deepEqual([lines.status, lines.answer], [202, accepted(2)]);
  const ends = log.topics().map(({ topic, partitions }) => {
    const counts = Array.from(
      { length: partitions },
      (_, partition) => log.range(topic, partition).endOffset,
    );
    return [topic, counts.reduce((sum, count) => sum + count)];
  });
  assert.deepEqual(ends, [
    ['dead_letters', 0],
    ['events', 5],
  ]);
});

test('a request is answered by what became of its events', async () => {
  const { send, ingest } = await serve();
  const event = viewOf();
  assert.equal((await send(JSON.stringify([event, { bad: true }]))).status, 202);
  const bad = await send(JSON.stringify([{ bad: true }, viewOf({ user: 5 })]));
  assert.equal(bad.status, 422);
  assert.deepEqual(
    (bad.answer['rejected'] as { index: number; code: string }[]).map(({ index, code }) => [index, code]),
    [
      [0, 'INGEST_UNKNOWN_TYPE'],
      [1, 'INGEST_BAD_FIELD'],
    ],
  );
  const again = await send(JSON.stringify([event]));
  assert.deepEqual(
    [again.status, again.answer],
    [202, { received: 1, accepted: 0, duplicates: 1, rejected: [] }],
  );
  const { received, stored, duplicates, deadLettered } = ingest.counts();
  assert.deepEqual(
    { received, stored, duplicates, deadLettered },
    { received: 5, stored: 1, duplicates: 1, deadLettered: 3 },
  );
});

test('refused requests have a status, a code and a remedy, and are counted apart', async () => {
  const { send, ingest } = await serve();
  const refusals: readonly [number, string, string | Buffer, Record<string, string>][] = [
    [400, 'INGEST_BODY_NOT_JSON', 'hello', {}],
    [400, 'INGEST_BODY_NOT_JSON', '', {}],
    [415, 'HTTP_UNSUPPORTED_CONTENT_TYPE', '{}', { 'content-type': 'text/plain' }],
    [415, 'INGEST_UNSUPPORTED_CONTENT_TYPE', '{}', { 'content-type': 'application/json; charset=latin1' }],
    [415, 'INGEST_UNSUPPORTED_CONTENT_TYPE', '{}', { 'content-encoding': 'gzip' }],
    [413, 'INGEST_BODY_TOO_LARGE', Buffer.alloc(10 * 1024 * 1024 + 1, 32), {}],
    [413, 'INGEST_TOO_MANY_EVENTS', '1\n'.repeat(10_001), { 'content-type': 'application/x-ndjson' }],
  ];
  for (const [status, code, body, headers] of refusals) {
    const refused = await send(body, headers);
    assert.deepEqual([refused.status, refused.answer['code']], [status, code]);
    assert.ok(String(refused.answer['message']).length > 0 && String(refused.answer['remedy']).length > 0);
  }
  assert.equal(ingest.counts().received, 0);
  assert.equal(ingest.counts().refusedRequests, refusals.length);
});

test('a body without a length is bounded while it arrives', async () => {
  const { server, ingest } = await serve();
  const status = await new Promise<number>((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'transfer-encoding': 'chunked' };
    const request = httpRequest(
      { port: server.port, method: 'POST', path: '/v1/events', headers, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode!);
      },
    );
    request.on('error', reject);
    for (let i = 0; i < 11; i++) request.write(Buffer.alloc(1024 * 1024, 32));
    request.end();
  });
  assert.equal(status, 413);
  assert.equal(ingest.counts().refusedRequests, 1);
});

test('keys are asked for where they are set', async () => {
  const { send } = await serve({ keys: ['first', 'second'] });
  const body = JSON.stringify(viewOf());
  const refused = await send(body);
  assert.deepEqual([refused.status, refused.answer['code']], [401, 'HTTP_KEY_REQUIRED']);
  for (const wrong of [
    { authorization: 'Bearer wrong' },
    { authorization: 'first' },
    { 'x-api-key': '' },
    { 'x-api-key': 'firs' },
  ]) {
    assert.equal((await send(body, wrong as Record<string, string>)).status, 401);
  }
  assert.equal((await send(body, { authorization: 'Bearer first' })).status, 202);
  assert.equal((await send(body, { authorization: 'bearer second' })).status, 202);
  assert.equal((await send(body, { 'x-api-key': 'second' })).status, 202);
});

test('a key that sends too much waits, another one does not', async () => {
  const { send } = await serve({ keys: ['greedy', 'modest'], eventsPerSecondMax: 10 });
  const greedy = { 'x-api-key': 'greedy' };
  assert.equal((await send(JSON.stringify(Array.from({ length: 60 }, () => viewOf())), greedy)).status, 202);
  const limited = await send(JSON.stringify(viewOf()), greedy);
  assert.deepEqual([limited.status, limited.answer['code']], [429, 'HTTP_RATE_LIMITED']);
  const retryAfter = Number(limited.headers.get('retry-after'));
  assert.ok(retryAfter >= 3 && retryAfter <= 5, String(retryAfter));
  assert.equal((await send(JSON.stringify(viewOf()), { 'x-api-key': 'modest' })).status, 202);
});

test('memory that is in use is given back, also when a sender goes away', async () => {
  let inFlightBytes = 0;
  const set = (value: number) => {
    inFlightBytes = value;
  };
  const gauge = (name: string) => (name === 'ingest_in_flight_bytes' ? { set } : { set() {} });
  const limits = { inFlightBytesMax: 10 * 1024 * 1024 };
  const { server, send, ingest } = await serve({}, { limits, meter: { ...silentMeter, gauge } });
  const until = async (isReached: () => boolean) => {
    while (!isReached()) await new Promise((resolve) => setImmediate(resolve));
  };
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  const head = ['POST /v1/events HTTP/1.1', 'host: localhost', 'content-type: application/x-ndjson'];
  socket.write(`${[...head, 'content-length: 9000000'].join('\r\n')}\r\n\r\n`);
  socket.write(Buffer.alloc(8_900_000, 32));
  await until(() => inFlightBytes === 8_900_000);
  const refused = await send(Buffer.alloc(3_000_000, 32));
  assert.deepEqual([refused.status, refused.answer['code']], [503, 'INGEST_OVERLOADED']);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await send(JSON.stringify(viewOf()))).status, 202);
  socket.destroy();
  await until(() => inFlightBytes === 0);
  assert.equal((await send(Buffer.alloc(3_000_000, 32))).answer['code'], 'INGEST_BODY_NOT_JSON');
  await until(() => inFlightBytes === 0);
  // The request that was too much, the one that broke off, and the one that held nothing.
  assert.equal(ingest.counts().refusedRequests, 3);
});

test('who sent, and that it is history, is handed on', async () => {
  const heard: [string, number][] = [];
  const { log, send } = await serve({ onAccepted: (source, count) => heard.push([source, count]) });
  await send(JSON.stringify([viewOf(), viewOf()]), { 'x-source': 'shop', 'x-replayed': '1' });
  await send(JSON.stringify(viewOf()), { 'x-source': 'no name!' });
  await send(JSON.stringify({}));
  assert.deepEqual(heard, [
    ['shop', 2],
    ['http', 1],
  ]);
  const marks: string[][] = [];
  for (let partition = 0; partition < 4; partition++) {
    for (const batch of await log.read('events', partition, { offset: 0, bytesMax: 1e6 })) {
      for (const { headers } of batch.records()) marks.push(headers.map(({ key }) => key));
    }
  }
  assert.deepEqual(marks, [['replayed'], ['replayed'], []]);
});

test('dead letters are listed and taken again', async () => {
  const { ingest, server, send } = await serve();
  await send(
    JSON.stringify([{ event_id: 'o1', event_type: 'order', event_timestamp: 0 }, viewOf({ user: 1 })]),
  );
  const list = (await (await fetch(`${server.url}/v1/dead-letters`)).json()) as Record<string, never>;
  assert.equal(list['total'], 2);
  assert.deepEqual(Object.keys(list['byCode']!), ['INGEST_UNKNOWN_TYPE', 'INGEST_BAD_FIELD']);
  await ingest.useRegistry(new ContractRegistry([view, order]));
  const replay = async (body: object) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${server.url}/v1/dead-letters/replay`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const none = { chosen: 0, accepted: 0, duplicates: 0, rejected: 0, incomplete: 0 };
  assert.deepEqual(await replay({ code: 'INGEST_UNKNOWN_TYPE' }), { ...none, chosen: 1, accepted: 1 });
  assert.deepEqual(await replay({}), { ...none, chosen: 1, rejected: 1 });
});
