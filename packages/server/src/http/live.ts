import { randomUUID } from 'node:crypto';
import type { Clock } from '@millrace/core/base';
import { liveError, type LiveContext, type LiveHub, type LiveRequest } from '@millrace/core/live';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LiveSubscriptions } from '../wire/index.ts';
import { LiveStream } from './live-stream.ts';

export interface LiveRoutesOptions {
  readonly hub: LiveHub;
  readonly clock: Clock;
  /** The project's name, for the page. */
  readonly project: string;
  readonly version: string;
  /** Who asks; default the local user. Authentication itself is the app's. */
  readonly contextOf?: (request: FastifyRequest) => LiveContext;
  /** Default 10,000. */
  readonly heartbeatMs?: number;
}

interface Connection {
  readonly stream: LiveStream;
  readonly context: string;
}

/**
 * `GET /v1/live` (server-sent events) and `POST /v1/live/subscriptions`, as a Fastify plugin:
 * `app.register(liveRoutes, { hub, clock, project, version })`. Closing the app ends all streams.
 */
export async function liveRoutes(app: FastifyInstance, options: LiveRoutesOptions): Promise<void> {
  const { clock, hub, project, version, contextOf = () => ({}), heartbeatMs = 10_000 } = options;
  const connections = new Map<string, Connection>();

  app.addHook('preClose', async () => {
    for (const { stream } of connections.values()) stream.close();
  });

  app.get<{ Querystring: { queries?: string } }>('/v1/live', (request, reply) => {
    const context = contextOf(request);
    const first = request.query.queries === undefined ? [] : checkQueries(parse(request.query.queries));
    const id = randomUUID();
    const stream = new LiveStream((wake) => hub.connect({ context, wake }), {
      response: reply.raw,
      clock,
      heartbeatMs,
    });
    try {
      stream.viewer.request(first);
    } catch (error) {
      stream.viewer.close();
      throw error;
    }
    connections.set(id, { stream, context: JSON.stringify(context) });
    reply.raw.once('close', () => connections.delete(id));
    reply.hijack();
    stream.begin({ connection: id, epoch: hub.epoch, nowMs: clock.nowMs(), heartbeatMs, project, version });
  });

  app.post('/v1/live/subscriptions', { bodyLimit: 512 * 1024 }, async (request) => {
    const { connection, revision, queries } = checkSubscriptions(request.body);
    const found = connections.get(connection);
    if (found === undefined || found.context !== JSON.stringify(contextOf(request))) {
      throw liveError('LIVE_CONNECTION_UNKNOWN');
    }
    if (revision > found.stream.revision) {
      found.stream.viewer.request(queries);
      found.stream.revision = revision;
    }
    return { queries: queries.length };
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('`queries` is not JSON');
  }
}

function checkSubscriptions(body: unknown): LiveSubscriptions {
  const { connection, revision, queries } = (body ?? {}) as Partial<LiveSubscriptions>;
  if (typeof connection !== 'string') throw invalid('`connection` is missing');
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision))
    throw invalid('`revision` is no whole number');
  return { connection, revision, queries: checkQueries(queries) };
}

function checkQueries(queries: unknown): LiveRequest[] {
  if (!Array.isArray(queries)) throw invalid('`queries` is no list');
  const ids = new Set<unknown>();
  return queries.map((request: Partial<LiveRequest> | null) => {
    const { id, query, known } = request ?? {};
    if (typeof id !== 'string' || id === '' || id.length > 64)
      throw invalid('an `id` is no text of 1 to 64 characters');
    if (ids.has(id)) throw invalid(`the \`id\` ${JSON.stringify(id)} occurs twice`);
    ids.add(id);
    if (typeof query !== 'object' || query === null || Array.isArray(query))
      throw invalid('a `query` is no object');
    if (known === undefined || known === null)
      return known === undefined ? { id, query } : { id, query, known };
    if (typeof known.epoch !== 'string' || typeof known.version !== 'number')
      throw invalid('a `known` is malformed');
    return { id, query, known: { epoch: known.epoch, version: known.version } };
  });
}

function invalid(problem: string): Error {
  return liveError('LIVE_QUERY_INVALID', { message: `Malformed subscription: ${problem}.` });
}
