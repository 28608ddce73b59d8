import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { SemanticLayer } from '@millrace/core/semantic';

/** A semantic layer with Cube's own server on a private socket. */
export interface CubeServer extends Pick<SemanticLayer, 'state' | 'onStateChange'> {
  /** Undefined while nobody listens; another one after each start. */
  readonly socketPath: string | undefined;
}

export interface CubeRoutesOptions {
  readonly cube: CubeServer;
  /**
   * How long a request waits for a layer that is starting, before it is sent away with 503. Default 5,000.
   */
  readonly waitMs?: number;
}

const messageBytesMax = 1024 * 1024;
// Cube answers slow queries after 30 s at the latest; nothing is longer silent than that.
const silenceMsMax = 60_000;

/**
 * Cube's REST, GraphQL and WebSocket under `/cubejs-api`, passed on byte for byte: `app.register(cubeRoutes,
 * { cube })`. Who may ask is decided by the app's hooks (Host, Origin) and by Cube's thread (token, access
 * policies). WebSocket clients connect to any path below the prefix.
 */
export async function cubeRoutes(app: FastifyInstance, options: CubeRoutesOptions): Promise<void> {
  const { cube, waitMs = 5_000 } = options;
  const agent = new CubeAgent(cube);
  // The names in the addresses are never looked up: both ways connect to the socket.
  await app.register(httpProxy, {
    prefix: '/cubejs-api',
    rewritePrefix: '/cubejs-api',
    upstream: 'http://cube.invalid',
    http: {
      agents: { 'http:': agent, 'https:': agent as never },
      requestOptions: { timeout: silenceMsMax },
    },
    destroyAgent: true,
    preHandler(_request, reply, done) {
      whenSettled({ cube, waitMs }, () => {
        if (cube.state.status === 'ready') done();
        else unavailable(cube, reply);
      });
    },
    replyOptions: { onError: (reply) => unavailable(cube, reply as unknown as FastifyReply) },
    websocket: true,
    wsUpstream: 'ws://cube.invalid',
    wsServerOptions: { maxPayload: messageBytesMax },
    wsClientOptions: { createConnection: () => connectTo(cube), maxPayload: 64 * messageBytesMax },
  });
}

/** Keeps connections to the private socket open between requests. */
class CubeAgent extends Agent {
  readonly #cube: CubeServer;

  constructor(cube: CubeServer) {
    super({ keepAlive: true, maxSockets: 64 });
    this.#cube = cube;
  }

  override createConnection(): Duplex {
    return connectTo(this.#cube);
  }
}

function connectTo({ socketPath }: CubeServer): Socket {
  // Gone since the request was let in: connecting to nothing fails as it does when the thread has just died.
  return connect(socketPath ?? '/nonexistent/cube.sock');
}

/**
 * In the shape of Cube's own errors, which its clients show. The reason is for the log and the page, not for
 * everybody.
 */
function unavailable({ state }: CubeServer, reply: FastifyReply): void {
  const error =
    state.status === 'failed' ? 'The semantic layer is not available.' : 'The semantic layer is starting.';
  reply.log.warn({ state }, error);
  void reply.code(503).header('retry-after', '1').send({ error });
}

/** Calls `settled` when the layer is no longer starting, or after `waitMs`. */
function whenSettled({ cube, waitMs }: Required<CubeRoutesOptions>, settled: () => void): void {
  if (cube.state.status !== 'starting') return settled();
  const done = () => {
    clearTimeout(timer);
    cancel();
    settled();
  };
  const timer = setTimeout(done, waitMs);
  const cancel = cube.onStateChange(() => {
    if (cube.state.status !== 'starting') done();
  });
}
