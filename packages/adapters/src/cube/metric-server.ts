import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import express, { type Handler } from 'express';
import webSockets, { type WebSocket } from 'ws';
import { messageOf } from '@millrace/core/base';
import type { CubeApiScope } from './config.ts';
import type { DataVersions } from './data-versions.ts';
import type { CubeReply, CubeSubscriptions, EmbeddedCube } from './embedded-cube.ts';

export interface MetricServerOptions {
  readonly cube: EmbeddedCube;
  readonly socketPath: string;
  readonly apiScopes: readonly CubeApiScope[];
  readonly versions: DataVersions;
  readonly log: (level: 'debug' | 'warn' | 'error', message: string) => void;
}

const messageBytesMax = 1024 * 1024;
const bufferedBytesMax = 8 * 1024 * 1024;
const connectionsMax = 200;
const pushIntervalMs = 100;

/**
 * Routes that answer; everything else that Cube has (playground, jobs, SQL interface, system) does not exist
 * here.
 */
const routes = new Set([
  '/cubejs-api/v1/load',
  '/cubejs-api/v1/subscribe',
  '/cubejs-api/v1/meta',
  '/cubejs-api/v1/dry-run',
  '/cubejs-api/v1/sql',
  '/cubejs-api/graphql',
]);

/** Cube's REST, GraphQL and WebSocket on a private socket. */
export class MetricServer {
  readonly #options: MetricServerOptions;
  readonly #connections = new Map<string, WebSocket>();
  readonly #subscriptions: CubeSubscriptions;
  #lastConnection = 0;
  #pushedVersion = '';
  #pushing = false;

  private constructor(options: MetricServerOptions, server: Server) {
    this.#options = options;
    this.#subscriptions = options.cube.subscriptions((id, message) => this.#send(id, message as never));
    const sockets = new webSockets.Server({ server, maxPayload: messageBytesMax });
    sockets.on('connection', (socket) => this.#connect(socket));
  }

  static async listen(options: MetricServerOptions): Promise<MetricServer> {
    const app = express();
    app.disable('x-powered-by');
    app.use(allow(options.apiScopes));
    await options.cube.initApp(app);
    const server = createServer(app);
    const metricServer = new MetricServer(options, server);
    await rm(options.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.socketPath, resolve);
    });
    if (process.platform !== 'win32') await chmod(options.socketPath, 0o600);
    setInterval(() => void metricServer.#push(), pushIntervalMs);
    return metricServer;
  }

  #connect(socket: WebSocket): void {
    if (this.#connections.size >= connectionsMax) return socket.close(1013, 'Too many connections');
    const id = `connection-${++this.#lastConnection}`;
    const { log } = this.#options;
    this.#connections.set(id, socket);
    const process = (text: string) =>
      this.#subscriptions
        .processMessage(id, text)
        .catch((error: unknown) => log('warn', `WebSocket: ${messageOf(error)}`));
    // The first message authorizes the connection; those sent right after it must not overtake it.
    let authorized: Promise<void> | undefined;
    socket.on('message', (data) => {
      const text = data.toString();
      if (authorized === undefined) authorized = process(text);
      else void authorized.then(() => process(text));
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      this.#connections.delete(id);
      void this.#subscriptions.disconnect(id);
    });
  }

  async #send(
    id: string,
    message: { messageId?: string; message?: CubeReply; status?: number },
  ): Promise<void> {
    const text = await textOf(message);
    const socket = this.#connections.get(id);
    if (socket === undefined) return;
    // A reader that does not keep up is cut off; it connects again and gets the newest answer.
    if (socket.bufferedAmount > bufferedBytesMax) socket.terminate();
    else socket.send(text);
  }

  /**
   * Evaluates subscriptions when the data changed, not by the clock; answers that did not change are not
   * sent.
   */
  async #push(): Promise<void> {
    const version = this.#options.versions.of(undefined);
    if (this.#pushing || this.#connections.size === 0 || version === this.#pushedVersion) return;
    this.#pushing = true;
    this.#pushedVersion = version;
    try {
      await this.#subscriptions.processSubscriptions();
    } catch (error) {
      this.#options.log('warn', `Subscriptions: ${messageOf(error)}`);
    } finally {
      this.#pushing = false;
    }
  }
}

function allow(apiScopes: readonly CubeApiScope[]): Handler {
  return ({ path, query }, response, next) => {
    if (path === '/livez' || path === '/readyz') return next();
    if (!routes.has(path.replace(/\/+$/, ''))) {
      return response.status(404).json({ error: 'The embedded semantic layer does not have this route.' });
    }
    // Cube counts extended meta, which has the SQL of all members, to the scope `meta`.
    if (path.includes('/meta') && 'extended' in query && !apiScopes.includes('sql')) {
      return response.status(403).json({ error: 'API scope is missing: sql' });
    }
    return next();
  };
}

/** The annotation check runs when the answer is made, and may refuse it. */
async function textOf(message: {
  messageId?: string;
  message?: CubeReply;
  status?: number;
}): Promise<string> {
  const { messageId, message: reply, status = 200 } = message;
  if (reply?.isWrapper !== true) return JSON.stringify(message);
  try {
    const answer = Buffer.from((await reply.getFinalResult?.()) as Uint8Array).toString();
    return `{"messageId":${JSON.stringify(messageId)},"status":${status},"message":${answer}}`;
  } catch (error) {
    return JSON.stringify({ messageId, message: { error: messageOf(error) }, status: 400 });
  }
}
