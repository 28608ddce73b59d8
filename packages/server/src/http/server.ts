import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf, type Clock, type Logger } from '@millrace/core/base';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { KeyRing, PageSession } from './credentials.ts';
import { sendError } from './error-reply.ts';
import { fail } from './errors.ts';
import { isLoopback, isSameOrigin, ServedHosts } from './served-hosts.ts';

/** Registers routes: `(app) => app.register(liveRoutes, { … })`. */
export type RoutePlugin = (app: FastifyInstance) => unknown;

/** The routes by who may use them. */
export interface HttpRoutes {
  /** `POST /v1/events`; it checks its own keys. */
  readonly ingest?: RoutePlugin;
  /**
   * The page's documents and files. Its documents give the session; beyond the loopback they need a page key.
   */
  readonly page?: RoutePlugin;
  /** The page's own APIs: they need its session, or a page key. */
  readonly session?: RoutePlugin;
  /** What scripts read and do on this machine (figures, reports, Cube); beyond the loopback as `session`. */
  readonly local?: RoutePlugin;
}

export interface HttpServerOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** False: when the port is taken, the next free one is used. Default true. */
  readonly isPortFixed?: boolean;
  /** Names beyond loopback names and the address itself that the `Host` header may have. */
  readonly allowedHosts?: readonly string[];
  /** Keys that may send events. Listening beyond the loopback without any is refused. */
  readonly ingestKeys?: readonly string[];
  /** Keys that may read beyond the loopback. Without any, nobody may. */
  readonly pageKeys?: readonly string[];
  readonly routes: HttpRoutes;
  /** Undefined when the server can do its work, else why not. Answered at `/readyz`. */
  readonly unreadyReason?: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface HttpServer {
  /** `http://127.0.0.1:4400` */
  readonly url: string;
  readonly port: number;
  /** Lets requests that are being answered end, then closes every connection: within two seconds. */
  close(): Promise<void>;
}

const PORTS_TRIED = 20;
const CLOSE_GRACE_MS = 1500;
const BODY_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 65_000;
const CONNECTIONS_MAX = 1024;
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
const STATE_CHANGING_TYPES = /^application\/(?:json|x-ndjson|ndjson|jsonl|x-jsonlines)(?:;|$)/;

/** For answers that bring none of their own: nothing of them is ever shown, framed or kept. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/**
 * Listens, and guards every route: `Host` must be a name that is served (421), what changes something must
 * carry JSON (415) and come from no other origin (403). Errors are `{code, message, remedy}`.
 * `HTTP_KEYS_REQUIRED`, `HTTP_PORT_TAKEN`, `HTTP_CANNOT_LISTEN`.
 *
 * @example
 * ```ts
 * const server = await createHttpServer({
 *   port: 4400, isPortFixed: false, clock, logger,
 *   routes: { ingest: (app) => app.register(ingestRoutes, { ingest, clock }) },
 * });
 * ```
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host = '127.0.0.1', ingestKeys = [] } = options;
  if (!isLoopback(host) && ingestKeys.length === 0) {
    throw fail('HTTP_KEYS_REQUIRED', {
      message: `Listening on ${host} needs keys: anybody could send events otherwise.`,
    });
  }
  const guard = new Guard(options, () => port);
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    http: { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_TIMEOUT_MS },
    clientErrorHandler: answerUnparsable,
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  const sockets = trackSockets(app);
  app.setErrorHandler((error, _request, reply) => sendError(error, reply, options.logger));
  app.setNotFoundHandler((_request, reply) => sendError(fail('HTTP_NOT_FOUND'), reply, options.logger));
  app.addHook('onRequest', async (request, reply) => guard.checkRequest(request, reply));
  registerHealth(app, options);
  registerRoutes(app, options.routes, guard);

  await app.ready();

  let port = 0;
  port = await listen(app, { ...options, host });
  return {
    url: `http://${urlHost(host)}:${port}`,
    port,
    close: () => closeWithin(app, sockets),
  };
}

/** Decides who may do what. */
class Guard {
  readonly #hosts: ServedHosts;
  readonly #pageKeys: KeyRing;
  readonly #session: PageSession;
  readonly #isLocal: boolean;

  constructor(options: HttpServerOptions, port: () => number) {
    const { host = '127.0.0.1', allowedHosts, pageKeys = [] } = options;
    this.#hosts = new ServedHosts(host, allowedHosts);
    this.#pageKeys = new KeyRing(pageKeys);
    this.#session = new PageSession(port);
    this.#isLocal = isLoopback(host);
  }

  checkRequest(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(SECURITY_HEADERS);
    const { headers, method } = request;
    if (!isHealth(request) && !this.#hosts.has(headers.host)) throw fail('HTTP_UNKNOWN_HOST');
    const changesState = !SAFE_METHODS.includes(method);
    // A WebSocket begins as a GET, but what it carries may change something.
    if ((changesState || headers.upgrade !== undefined) && headers.origin !== undefined) {
      if (!isSameOrigin(headers.origin, headers.host)) throw fail('HTTP_FOREIGN_ORIGIN');
    }
    if (headers['sec-fetch-site'] === 'cross-site' && !isNavigation(request))
      throw fail('HTTP_FOREIGN_ORIGIN');
    if (changesState && !STATE_CHANGING_TYPES.test(headers['content-type']?.toLowerCase() ?? '')) {
      throw fail('HTTP_UNSUPPORTED_CONTENT_TYPE');
    }
  }

  checkSession(request: FastifyRequest): void {
    if (this.#session.isCarriedBy(request.headers) || this.#pageKeys.find(request.headers) >= 0) return;
    throw fail(this.#isLocal ? 'HTTP_SESSION_REQUIRED' : 'HTTP_PAGE_KEY_REQUIRED');
  }

  checkLocal(request: FastifyRequest): void {
    if (!this.#isLocal) this.checkSession(request);
  }

  checkPage(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#isLocal || this.#session.isCarriedBy(request.headers)) return;
    if (this.#pageKeys.find(request.headers) >= 0) return;
    reply.header('www-authenticate', 'Basic realm="Millrace", charset="UTF-8"');
    throw fail('HTTP_PAGE_KEY_REQUIRED');
  }

  giveSession(request: FastifyRequest, reply: FastifyReply): void {
    const isDocument = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
    if (!isDocument || reply.statusCode !== 200 || this.#session.isCarriedBy(request.headers)) return;
    reply.header('set-cookie', this.#session.header);
  }
}

function registerRoutes(app: FastifyInstance, routes: HttpRoutes, guard: Guard): void {
  void app.register(async (scope) => {
    await routes.ingest?.(scope);
  });
  void app.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => guard.checkPage(request, reply));
    scope.addHook('onSend', async (request, reply) => guard.giveSession(request, reply));
    await routes.page?.(scope);
  });
  void app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => guard.checkSession(request));
    await routes.session?.(scope);
  });
  void app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => guard.checkLocal(request));
    await routes.local?.(scope);
  });
}

/**
 * `/healthz`: the process lives. `/readyz`: it can do its work. Load balancers ask by address, so any `Host`
 * may.
 */
function registerHealth(app: FastifyInstance, options: HttpServerOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reason = options.unreadyReason?.();
    return reason === undefined ? { status: 'ready' } : reply.status(503).send({ status: 'unready', reason });
  });
}

function isHealth(request: FastifyRequest): boolean {
  return request.url === '/healthz' || request.url === '/readyz';
}

/** Somebody followed a link to the page: another site may link, but not read. */
function isNavigation({ headers, method }: FastifyRequest): boolean {
  return (
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  );
}

async function listen(
  app: FastifyInstance,
  options: { host: string; port: number; isPortFixed?: boolean },
): Promise<number> {
  const { host, isPortFixed = true } = options;
  const last =
    isPortFixed || options.port === 0 ? options.port : Math.min(65_535, options.port + PORTS_TRIED - 1);
  for (let port = options.port; ; port++) {
    try {
      await app.listen({ host, port });
      return (app.server.address() as { port: number }).port;
    } catch (cause) {
      const { code } = cause as { code?: string };
      if (code === 'EADDRINUSE' && port < last) continue;
      await app.close();
      const address = `${urlHost(host)}:${port}`;
      if (code === 'EADDRINUSE')
        throw fail('HTTP_PORT_TAKEN', { message: `Another program listens on ${address}.`, cause });
      if (code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
      throw fail('HTTP_CANNOT_LISTEN', { message: `${address}: ${messageOf(cause)}`, cause });
    }
  }
}

/** What Node could not read as HTTP. */
function answerUnparsable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400;
  const { code, message, remedy } = fail('HTTP_BAD_REQUEST');
  const body = JSON.stringify({ code, message, remedy });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function trackSockets(app: FastifyInstance): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** Connections that have not ended by themselves (uploads that trickle, WebSockets) are cut. */
async function closeWithin(app: FastifyInstance, sockets: ReadonlySet<Socket>): Promise<void> {
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, CLOSE_GRACE_MS);
  await app.close();
  clearTimeout(timer);
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
