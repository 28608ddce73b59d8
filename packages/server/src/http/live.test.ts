import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { after, test } from 'node:test';
import { silentLogger, type Clock } from '@millrace/core/base';
import {
  LiveHub,
  reportSource,
  type LiveReport,
  type LiveResult,
  type LiveSource,
} from '@millrace/core/live';
import fastify from 'fastify';
import type { LiveHello, LiveMessage } from '../wire/index.ts';
import { sendError } from './error-reply.ts';
import { liveRoutes, type LiveRoutesOptions } from './live.ts';
import { reportRoutes } from './reports.ts';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** One table that the test changes. */
class TableSource implements LiveSource<string> {
  readonly name = 'table';
  readonly #listeners = new Set<() => void>();
  result: LiveResult = { columns: ['n'], rows: [[0]] };
  evaluations = 0;

  check(): string {
    return 'table';
  }

  evaluate(): Promise<LiveResult> {
    this.evaluations++;
    return Promise.resolve(this.result);
  }

  watch(_query: string, changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  set(rows: LiveResult['rows']): void {
    this.result = { columns: ['n'], rows };
    for (const changed of this.#listeners) changed();
  }
}

async function serve(options: Partial<LiveRoutesOptions> & { viewersMax?: number; tickMs?: number } = {}) {
  const source = new TableSource();
  const sections = { a: { on: true } };
  const listeners = new Set<() => void>();
  const report: LiveReport = {
    read: () => sections,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const { viewersMax = 256, tickMs = 50, ...routes } = options;
  const sources = [source, reportSource({ alerts: report })];
  const hub = new LiveHub({ sources, clock, epoch: 'e1', viewersMax, tickMs });
  const app = fastify();
  app.setErrorHandler((error, _request, reply) => sendError(error, reply, silentLogger));
  await app.register(liveRoutes, { hub, clock, project: 'test', version: '1', ...routes });
  await app.register(reportRoutes, { reports: { alerts: report } });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  after(async () => {
    await app.close();
    hub.close();
  });
  const subscribe = (body: object) =>
    fetch(`${url}/v1/live/subscriptions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return { url, app, hub, source, subscribe };
}

/** Reads one response of server-sent events, event by event. */
class EventReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #abort: AbortController;
  #text = '';

  private constructor(response: Response, abort: AbortController) {
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    this.#reader = (response.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    this.#abort = abort;
  }

  static async open(url: string): Promise<EventReader> {
    const abort = new AbortController();
    return new EventReader(await fetch(url, { signal: abort.signal }), abort);
  }

  /** The next event; undefined at the end of the stream. */
  async next(): Promise<{ event: string; data: unknown } | undefined> {
    while (!this.#text.includes('\n\n')) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
    const end = this.#text.indexOf('\n\n');
    const lines = this.#text.slice(0, end).split('\n');
    this.#text = this.#text.slice(end + 2);
    const field = (name: string) =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    return { event: field('event') ?? 'message', data: JSON.parse(field('data') ?? 'null') };
  }

  async hello(): Promise<LiveHello> {
    const first = await this.next();
    assert.equal(first?.event, 'hello');
    return first.data as LiveHello;
  }

  async message(): Promise<LiveMessage> {
    for (;;) {
      const next = await this.next();
      assert.ok(next, 'the stream ended');
      if (next.event === 'message') return next.data as LiveMessage;
    }
  }

  close(): void {
    this.#abort.abort();
  }
}

const tile = { id: 'tile', query: { source: 'table' } };

test('a connection gets what it asked for with itself, and then what changed', async () => {
  const { url, source } = await serve();
  const reader = await EventReader.open(
    `${url}/v1/live?queries=${encodeURIComponent(JSON.stringify([tile]))}`,
  );
  const hello = await reader.hello();
  assert.deepEqual([hello.epoch, hello.project, hello.version], ['e1', 'test', '1']);
  const first = await reader.message();
  assert.ok(first.type === 'snapshot');
  assert.deepEqual(first.result.rows, [[0]]);
  source.set([[1]]);
  const second = await reader.message();
  assert.ok(second.type === 'delta' && second.base === first.version);
  assert.deepEqual(second.delta.changed, [[0, [1]]]);
  reader.close();
});

test('subscriptions change what a connection gets; a late one is ignored', async () => {
  const { url, subscribe } = await serve();
  const reader = await EventReader.open(`${url}/v1/live`);
  const { connection } = await reader.hello();
  const alerts = { id: 'alerts', query: { source: 'report', name: 'alerts' } };
  const reply = await subscribe({ connection, revision: 2, queries: [alerts] });
  assert.deepEqual([reply.status, await reply.json()], [200, { queries: 1 }]);
  const message = await reader.message();
  assert.ok(message.type === 'snapshot' && message.query === 'alerts');
  assert.deepEqual(message.result.rows, [['a', '{"on":true}']]);
  assert.equal((await subscribe({ connection, revision: 1, queries: [tile] })).status, 200);
  assert.equal((await subscribe({ connection, revision: 3, queries: [alerts, tile] })).status, 200);
  const next = await reader.message();
  assert.ok(next.type === 'snapshot' && next.query === 'tile');
  reader.close();
});

test('a hundred connections are one evaluation', async () => {
  const { url, source } = await serve();
  const address = `${url}/v1/live?queries=${encodeURIComponent(JSON.stringify([tile]))}`;
  const readers = await Promise.all(Array.from({ length: 100 }, () => EventReader.open(address)));
  for (const reader of readers) await reader.message();
  assert.equal(source.evaluations, 1);
  for (const reader of readers) reader.close();
});

test('heartbeats tell the versions sent last', async () => {
  const { url } = await serve({ heartbeatMs: 20 });
  const reader = await EventReader.open(
    `${url}/v1/live?queries=${encodeURIComponent(JSON.stringify([tile]))}`,
  );
  const message = await reader.message();
  assert.ok(message.type === 'snapshot');
  const heartbeat = await reader.next();
  assert.equal(heartbeat?.event, 'heartbeat');
  assert.deepEqual((heartbeat.data as { versions: unknown }).versions, { tile: message.version });
  reader.close();
});

test('malformed and unknown requests are refused in words', async () => {
  const { url, subscribe } = await serve({ viewersMax: 1 });
  const refused = async (body: object, status: number, code: string) => {
    const reply = await subscribe(body);
    const json = (await reply.json()) as { code: string; message: string; remedy: string };
    assert.deepEqual([reply.status, json.code], [status, code]);
    assert.ok(json.message !== '' && json.remedy !== '');
  };
  await refused({}, 400, 'LIVE_QUERY_INVALID');
  await refused({ connection: 'c', revision: 1, queries: [] }, 404, 'LIVE_CONNECTION_UNKNOWN');
  await refused({ connection: 'c', revision: 1, queries: [tile, tile] }, 400, 'LIVE_QUERY_INVALID');
  await refused(
    { connection: 'c', revision: 1, queries: [{ id: 'a', query: [] }] },
    400,
    'LIVE_QUERY_INVALID',
  );
  await refused(
    { connection: 'c', revision: 1, queries: [{ ...tile, known: {} }] },
    400,
    'LIVE_QUERY_INVALID',
  );
  assert.equal((await fetch(`${url}/v1/live?queries=[`)).status, 400);

  const reader = await EventReader.open(`${url}/v1/live`);
  const { connection } = await reader.hello();
  const many = Array.from({ length: 201 }, (_, i) => ({ id: `q${i}`, query: { source: 'table' } }));
  await refused({ connection, revision: 1, queries: many }, 400, 'LIVE_TOO_MANY_QUERIES');
  const second = await fetch(`${url}/v1/live`);
  assert.deepEqual([second.status, second.headers.get('retry-after')], [503, '5']);
  reader.close();
});

test('another caller cannot steer a connection that is not its own', async () => {
  const contextOf: LiveRoutesOptions['contextOf'] = (request) => ({ user: request.headers['x-user'] ?? 'a' });
  const { url } = await serve({ contextOf });
  const reader = await EventReader.open(`${url}/v1/live`);
  const { connection } = await reader.hello();
  const post = (user: string) =>
    fetch(`${url}/v1/live/subscriptions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user': user },
      body: JSON.stringify({ connection, revision: 1, queries: [] }),
    });
  assert.equal((await post('b')).status, 404);
  assert.equal((await post('a')).status, 200);
  reader.close();
});

test('closing the app ends the streams', async () => {
  const { url, app } = await serve();
  const reader = await EventReader.open(`${url}/v1/live`);
  await reader.hello();
  await app.close();
  assert.equal(await reader.next(), undefined);
});

test('a reader that does not read costs bounded memory, and skips to the present', async () => {
  const { url, source, app } = await serve({ tickMs: 1 });
  const { port } = new URL(url);
  const socket = connectSocket(Number(port), '127.0.0.1');
  socket.pause();
  const wide = 'x'.repeat(200_000);
  const query = encodeURIComponent(JSON.stringify([tile]));
  const serverSide = new Promise<import('node:net').Socket>((resolve) =>
    app.server.once('connection', resolve),
  );
  socket.write(`GET /v1/live?queries=${query} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  const peer = await serverSide;
  let most = 0;
  const last = 150;
  for (let i = 0; i <= last; i++) {
    const before = source.evaluations;
    source.set([[`${wide}${i}`]]);
    while (source.evaluations === before) await new Promise((resolve) => setTimeout(resolve, 1));
    most = Math.max(most, peer.writableLength);
  }
  assert.ok(most < 1_000_000, `${most} bytes were kept for a reader that does not read`);
  let received = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => (received = (received + text).slice(-500_000)));
  socket.resume();
  while (!received.includes(`x${last}"`)) await new Promise((resolve) => setTimeout(resolve, 5));
  socket.destroy();
});

test('what the page follows can be fetched, whole or by section', async () => {
  const { url } = await serve();
  const get = async (path: string) => {
    const reply = await fetch(`${url}${path}`);
    return [reply.status, await reply.json()];
  };
  assert.deepEqual(await get('/v1/alerts'), [200, { a: { on: true } }]);
  assert.deepEqual(await get('/v1/alerts/a'), [200, { on: true }]);
  assert.equal((await get('/v1/alerts/b'))[0], 404);
});
