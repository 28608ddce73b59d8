import type { IncomingMessage } from 'node:http';
import { errorsOf, isMillraceError, type Clock } from '@millrace/core/base';
import { bodyFormatOf, INGEST_ERRORS, type Admission, type Ingest } from '@millrace/core/ingest';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KeyRing } from './credentials.ts';
import { fail } from './errors.ts';
import { TokenBucket } from './token-bucket.ts';

const ingestFail = errorsOf(INGEST_ERRORS);

export interface IngestRoutesOptions {
  readonly ingest: Ingest;
  readonly clock: Clock;
  /** Keys that may send; without any, everybody who reaches the server may. */
  readonly keys?: readonly string[];
  /** For each key, or for all senders together where there are none. Default unlimited. */
  readonly eventsPerSecondMax?: number;
  /**
   * Called with the sender's name (header `x-source`, else `http`) and how many of its events were accepted.
   */
  readonly onAccepted?: (source: string, count: number) => void;
}

/**
 * `POST /v1/events`: one JSON event, a JSON array, or NDJSON. Answers 202 when what was accepted is durable,
 * 422 when every event is bad, else 400, 401, 413, 415, 429 or 503. Header `x-replayed: 1` marks history,
 * which stays out of latency figures.
 */
export async function ingestRoutes(app: FastifyInstance, options: IngestRoutesOptions): Promise<void> {
  const { ingest, clock, onAccepted } = options;
  const door = new IngestDoor(options);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    door.read(request, payload),
  );
  app.post('/v1/events', {
    onRequest: async (request) => door.enter(request),
    onError: async (request, _reply, error) => door.countRefused(request, error),
    onResponse: async (request) => door.leave(request),
    onRequestAbort: async (request) => door.leave(request),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const visit = door.of(request);
      visit.isCounted = true;
      const answer = await ingest.accept((request.body as Buffer | undefined) ?? Buffer.alloc(0), {
        contentType: request.headers['content-type'],
        receivedAtMs: visit.receivedAtMs,
        replayed: request.headers['x-replayed'] === '1',
        admission: visit.admission,
      });
      visit.bucket?.take(answer.received, clock.monotonicMs());
      if (answer.accepted > 0) onAccepted?.(sourceOf(request), answer.accepted);
      const isAllBad = answer.received > 0 && answer.rejected.length === answer.received;
      return reply.status(isAllBad ? 422 : 202).send(answer);
    },
  });
}

/** One request between its headers and its answer. */
interface Visit {
  /** When the headers had arrived: the clock is read once. */
  readonly receivedAtMs: number;
  readonly admission: Admission;
  readonly bucket: TokenBucket | undefined;
  /** Ingest counts what it refuses itself. */
  isCounted: boolean;
}

/** Refuses requests as early as possible, and bounds the memory that their bodies take. */
class IngestDoor {
  readonly #options: IngestRoutesOptions;
  readonly #keys: KeyRing;
  readonly #buckets = new Map<number, TokenBucket>();
  readonly #visits = new WeakMap<FastifyRequest, Visit>();

  constructor(options: IngestRoutesOptions) {
    this.#options = options;
    this.#keys = new KeyRing(options.keys ?? []);
  }

  /** Before the body is read. */
  enter(request: FastifyRequest): void {
    const { ingest, clock } = this.#options;
    const receivedAtMs = clock.nowMs();
    const key = this.#keys.find(request.headers);
    if (!this.#keys.isEmpty && key < 0) throw fail('HTTP_KEY_REQUIRED');
    checkHeaders(request, ingest);
    const bucket = this.#bucketOf(key);
    const waitMs = bucket?.waitMs(clock.monotonicMs()) ?? 0;
    if (waitMs > 0) throw fail('HTTP_RATE_LIMITED', { retryAfterMs: waitMs });
    this.#visits.set(request, { receivedAtMs, admission: ingest.admit(), bucket, isCounted: false });
  }

  /**
   * The body, as far as limits and memory allow. What is refused is read on and thrown away, so that the
   * answer arrives.
   */
  read(request: FastifyRequest, payload: IncomingMessage): Promise<Buffer> {
    const { bodyBytesMax } = this.#options.ingest.limits;
    const { admission } = this.of(request);
    const chunks: Buffer[] = [];
    let length = 0;
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown) => {
        payload.off('data', take);
        payload.resume();
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const take = (chunk: Buffer) => {
        length += chunk.length;
        try {
          if (length > bodyBytesMax) throw tooLarge(bodyBytesMax);
          admission.growTo(length);
          chunks.push(chunk);
        } catch (error) {
          refuse(error);
        }
      };
      payload.on('data', take);
      payload.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
      payload.once('error', refuse);
    });
  }

  leave(request: FastifyRequest): void {
    this.#visits.get(request)?.admission.release();
  }

  of(request: FastifyRequest): Visit {
    return this.#visits.get(request)!;
  }

  #bucketOf(key: number): TokenBucket | undefined {
    const { eventsPerSecondMax, clock } = this.#options;
    if (eventsPerSecondMax === undefined) return undefined;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(eventsPerSecondMax, clock.monotonicMs());
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }

  countRefused(request: FastifyRequest, error: unknown): void {
    if (this.#visits.get(request)?.isCounted === true) return;
    this.#options.ingest.countRefused(isMillraceError(error) ? error.code : 'HTTP_BAD_REQUEST');
  }
}

function checkHeaders(request: FastifyRequest, ingest: Ingest): void {
  const { headers } = request;
  const encoding = headers['content-encoding'];
  const isPlain = encoding === undefined || encoding.toLowerCase() === 'identity';
  if (!isPlain || bodyFormatOf(headers['content-type']) === undefined)
    throw ingestFail('INGEST_UNSUPPORTED_CONTENT_TYPE');
  if (Number(headers['content-length'] ?? 0) > ingest.limits.bodyBytesMax) {
    throw tooLarge(ingest.limits.bodyBytesMax);
  }
}

function tooLarge(bytesMax: number): Error {
  return ingestFail('INGEST_BODY_TOO_LARGE', { details: { bytesMax } });
}

function sourceOf(request: FastifyRequest): string {
  const source = request.headers['x-source'];
  return typeof source === 'string' && /^[\w.-]{1,64}$/.test(source) ? source : 'http';
}
