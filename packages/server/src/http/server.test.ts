import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { silentLogger, type Clock } from '@millrace/core/base';
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const open: HttpServer[] = [];
after(() => Promise.all(open.map((server) => server.close())));

async function serve(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await createHttpServer({
    port: 0,
    clock,
    logger: silentLogger,
    routes: {
      page: (app) =>
        app.get('/', async (_request, reply) => reply.type('text/html; charset=utf-8').send('<p>page')),
      session: (app) => app.get('/v1/live', async () => ({ live: true })),
      local: (app) => {
        app.get('/metrics', async () => 'figures');
        app.post('/v1/do', async (request) => request.body);
        app.get('/fault', async () => {
          throw new TypeError('the secret reason');
        });
      },
    },
    ...options,
  });
  open.push(server);
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** fetch does not let a test set Host, Origin and Sec-Fetch headers. */
function ask(
  server: HttpServer,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: server.port, path, method, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: text }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function codeOf(answer: Answer): string {
  const { code, message, remedy } = JSON.parse(answer.body) as {
    code: string;
    message: string;
    remedy: string;
  };
  assert.ok(message.length > 0 && remedy.length > 0);
  return code;
}

const json = { 'content-type': 'application/json' };

test('only names that are served are answered', async () => {
  const server = await serve({ allowedHosts: ['Shop.Example'] });
  for (const host of [
    'localhost',
    `127.0.0.1:${server.port}`,
    `[::1]:${server.port}`,
    'shop.example',
    'SHOP.example:443',
  ]) {
    assert.equal((await ask(server, '/metrics', { headers: { host } })).status, 200, host);
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.2',
    'user@localhost',
    'localhost:x',
    '[::2]',
  ]) {
    const answer = await ask(server, '/metrics', { headers: { host } });
    assert.deepEqual([answer.status, codeOf(answer)], [421, 'HTTP_UNKNOWN_HOST'], host);
  }
  for (const path of ['/healthz', '/readyz']) {
    assert.equal((await ask(server, path, { headers: { host: '10.0.0.7' } })).status, 200);
  }
});

test('what changes something comes from no other origin and carries JSON', async () => {
  const server = await serve();
  const post = (headers: Record<string, string>) =>
    ask(server, '/v1/do', { method: 'POST', headers, body: '{"a":1}' });
  const own = `http://127.0.0.1:${server.port}`;
  assert.equal((await post(json)).status, 200);
  assert.equal((await post({ ...json, origin: own })).status, 200);
  for (const origin of [
    'http://evil.example',
    'null',
    `http://localhost:${server.port}`,
    `${own}1`,
    'http://127.0.0.1',
    `file://127.0.0.1:${server.port}`,
  ]) {
    const answer = await post({ ...json, origin });
    assert.deepEqual([answer.status, codeOf(answer)], [403, 'HTTP_FOREIGN_ORIGIN'], origin);
  }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
  ]) {
    const answer = await post({ 'content-type': type });
    assert.deepEqual([answer.status, codeOf(answer)], [415, 'HTTP_UNSUPPORTED_CONTENT_TYPE'], type);
  }
  assert.equal((await post({})).status, 415);
});

test('pages of other sites can neither read nor connect', async () => {
  const server = await serve();
  const crossSite = {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'no-cors',
    'sec-fetch-dest': 'script',
  };
  assert.equal((await ask(server, '/metrics', { headers: crossSite })).status, 403);
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  assert.equal((await ask(server, '/', { headers: link })).status, 200);
  const framed = { ...link, 'sec-fetch-dest': 'iframe' };
  assert.equal((await ask(server, '/', { headers: framed })).status, 403);
  const socket = { connection: 'upgrade', upgrade: 'websocket', origin: 'http://evil.example' };
  assert.equal((await ask(server, '/metrics', { headers: socket })).status, 403);
});

test('the page gives the session that its own APIs need', async () => {
  const server = await serve();
  const refused = await ask(server, '/v1/live');
  assert.deepEqual([refused.status, codeOf(refused)], [401, 'HTTP_SESSION_REQUIRED']);
  const page = await ask(server, '/');
  const [cookie] = page.headers['set-cookie']!;
  assert.match(
    cookie!,
    new RegExp(`^millrace_session_${server.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
  );
  const headers = { cookie: `other=1; ${cookie!.split(';')[0]}` };
  assert.equal((await ask(server, '/v1/live', { headers })).status, 200);
  assert.equal((await ask(server, '/', { headers })).headers['set-cookie'], undefined);
  const wrong = { cookie: `millrace_session_${server.port}=wrong` };
  assert.equal((await ask(server, '/v1/live', { headers: wrong })).status, 401);
  const other = await serve();
  assert.equal((await ask(other, '/v1/live', { headers })).status, 401);
});

test('answers carry security headers, and those of routes win', async () => {
  const server = await serve({
    routes: {
      page: (app) =>
        app.get('/', async (_request, reply) => reply.header('content-security-policy', 'own').send('x')),
    },
  });
  const missing = await ask(server, '/nothing');
  assert.deepEqual([missing.status, codeOf(missing)], [404, 'HTTP_NOT_FOUND']);
  assert.match(String(missing.headers['content-security-policy']), /default-src 'none'/);
  assert.equal(missing.headers['x-content-type-options'], 'nosniff');
  assert.equal(missing.headers['x-frame-options'], 'DENY');
  assert.equal((await ask(server, '/')).headers['content-security-policy'], 'own');
});

test('faults say nothing of themselves, and are logged', async () => {
  const logged: unknown[] = [];
  const server = await serve({
    logger: { ...silentLogger, error: (_message, fields) => logged.push(fields) },
  });
  const answer = await ask(server, '/fault');
  assert.deepEqual([answer.status, codeOf(answer)], [500, 'HTTP_INTERNAL']);
  assert.ok(!answer.body.includes('secret'));
  assert.match(JSON.stringify(logged), /the secret reason/);
});

test('readiness', async () => {
  let reason: string | undefined = 'the warehouse is starting';
  const server = await serve({ unreadyReason: () => reason });
  const unready = await ask(server, '/readyz');
  assert.deepEqual([unready.status, unready.body], [503, JSON.stringify({ status: 'unready', reason })]);
  reason = undefined;
  assert.equal((await ask(server, '/readyz')).status, 200);
  assert.equal((await ask(server, '/healthz')).status, 200);
});

test('malformed requests get a reason', async () => {
  const server = await serve();
  const broken = await ask(server, '/v1/do', { method: 'POST', headers: json, body: '{"a":' });
  assert.deepEqual([broken.status, codeOf(broken)], [400, 'HTTP_BAD_REQUEST']);
  const large = await ask(server, '/v1/do', {
    method: 'POST',
    headers: json,
    body: JSON.stringify('x'.repeat(1_100_000)),
  });
  assert.equal(large.status, 413);
  const headers = await ask(server, '/metrics', { headers: { 'x-large': 'x'.repeat(20_000) } });
  assert.deepEqual([headers.status, codeOf(headers)], [431, 'HTTP_BAD_REQUEST']);
});

test('listening beyond the loopback without keys is refused', async () => {
  await assert.rejects(serve({ host: '0.0.0.0' }), { code: 'HTTP_KEYS_REQUIRED', kind: 'config' });
  await assert.rejects(serve({ host: '192.168.1.5' }), { code: 'HTTP_KEYS_REQUIRED' });
});

test('beyond the loopback nothing can be read without a page key', async () => {
  const server = await serve({ host: '0.0.0.0', ingestKeys: ['write'], pageKeys: ['read'] });
  for (const path of ['/', '/v1/live', '/metrics']) {
    const refused = await ask(server, path);
    assert.deepEqual([refused.status, codeOf(refused)], [401, 'HTTP_PAGE_KEY_REQUIRED'], path);
    assert.equal((await ask(server, path, { headers: { authorization: 'Bearer write' } })).status, 401);
    assert.equal((await ask(server, path, { headers: { authorization: 'Bearer read' } })).status, 200);
    assert.equal((await ask(server, path, { headers: { 'x-api-key': 'read' } })).status, 200);
  }
  assert.match((await ask(server, '/')).headers['www-authenticate']!, /^Basic/);
  const authorization = `Basic ${Buffer.from('me:read').toString('base64')}`;
  const page = await ask(server, '/', { headers: { authorization } });
  const cookie = page.headers['set-cookie']![0]!.split(';')[0]!;
  for (const path of ['/', '/v1/live', '/metrics'])
    assert.equal((await ask(server, path, { headers: { cookie } })).status, 200);
  const locked = await serve({ host: '0.0.0.0', ingestKeys: ['write'] });
  assert.equal((await ask(locked, '/', { headers: { authorization } })).status, 401);
});

test('the next free port is taken only where none was asked for', async () => {
  const first = await serve();
  const next = await serve({ port: first.port, isPortFixed: false });
  assert.ok(next.port > first.port && next.port < first.port + 20);
  assert.equal(next.url, `http://127.0.0.1:${next.port}`);
  assert.equal((await ask(next, '/metrics')).status, 200);
  await assert.rejects(serve({ port: first.port }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'HTTP_PORT_TAKEN');
    assert.ok(error.message.includes(String(first.port)));
    return true;
  });
  await assert.rejects(serve({ host: '203.0.113.1', ingestKeys: ['k'] }), { code: 'HTTP_CANNOT_LISTEN' });
});

test('closing ends idle connections, answers what is running, and cuts what does not end', async () => {
  const slowRequest = Promise.withResolvers<() => void>();
  const server = await serve({
    routes: {
      local: (app) => {
        app.get('/quick', async () => 'quick');
        app.get(
          '/slow',
          () =>
            new Promise((resolve) => {
              slowRequest.resolve(() => resolve('slow'));
            }),
        );
        app.post('/upload', async () => 'uploaded');
      },
    },
  });
  const idle = connect(server.port, '127.0.0.1');
  idle.write('GET /quick HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await new Promise((resolve) => idle.once('data', resolve));
  const upload = connect(server.port, '127.0.0.1');
  upload.on('error', () => {});
  upload.write(
    [
      'POST /upload HTTP/1.1',
      'host: localhost',
      'content-type: application/json',
      'content-length: 10',
      '',
      '{',
    ].join('\r\n'),
  );
  const slow = ask(server, '/slow');
  const answerSlowly = await slowRequest.promise;
  const ended = Promise.all(
    [idle, upload].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
  );

  const closing = server.close();
  answerSlowly();
  assert.equal((await slow).body, 'slow');
  await ended;
  await closing;
  await assert.rejects(ask(server, '/quick'));
});

test('a server whose routes cannot be set up does not listen', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const routes = { page: () => Promise.reject(new Error('no folder')) };
  await assert.rejects(serve({ port, routes }), { message: 'no folder' });
  await assert.rejects(
    new Promise((resolve, reject) =>
      connect(port, '127.0.0.1').once('connect', resolve).once('error', reject),
    ),
    { code: 'ECONNREFUSED' },
  );
});
