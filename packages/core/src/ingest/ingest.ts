import {
  silentLogger,
  silentMeter,
  type Clock,
  type FileSystem,
  type Logger,
  type Meter,
  type Random,
} from '../base/index.ts';
import type { ContractRegistry, TopicContract } from '../contract/index.ts';
import { StickyPartitioner, type EventLog, type TopicConfig } from '../log/index.ts';
import { AdmissionControl, type Admission } from './admission.ts';
import { bodyFormatOf, splitBody } from './body-splitter.ts';
import { DEAD_LETTERS, readDeadLetters, type DeadLetter } from './dead-letters.ts';
import { replayDeadLetters, type ReplayReport } from './dead-letter-replay.ts';
import { DedupIndex } from './dedup-index.ts';
import { fail, type RejectionCode } from './errors.ts';
import { EventChecker, type EventSource, type Route } from './event-checker.ts';
import { IngestCounter, type IngestCounts } from './ingest-counts.ts';
import { IngestRequest, OUTCOME, type IngestTopic, type Rejection } from './ingest-request.ts';
import { limitsOf, type IngestLimits } from './limits.ts';
import { RequestStore, type Companion } from './request-store.ts';

const REPORT_INTERVAL_MS = 1000;
const PARTITIONS_DEFAULT = 4;

export interface IngestOptions {
  readonly log: EventLog;
  readonly registry: ContractRegistry;
  /** Topics that differ from the default: 4 partitions, keyed where their events have a key. */
  readonly topics?: Readonly<Record<string, TopicConfig>>;
  readonly clock: Clock;
  /** Seeds the secret of the deduplication index: cryptographic randomness in production. */
  readonly random: Random;
  readonly files: FileSystem;
  /** Where the deduplication index keeps its checkpoint; belongs to the log's data. */
  readonly folder: string;
  readonly limits?: Partial<IngestLimits>;
  readonly meter?: Meter;
  readonly logger?: Logger;
}

export interface AcceptOptions {
  /** The request's `Content-Type`. */
  readonly contentType: string | undefined;
  /** When the request's first byte arrived. */
  readonly receivedAtMs: number;
  /** Marks the events as replayed: they stay out of latency figures. Default false. */
  readonly replayed?: boolean;
  /** What `admit` gave for this request. Default: asks for it now. */
  readonly admission?: Admission;
}

/**
 * The answer to an admitted request, given when everything in it is durable. `received` is the sum of the
 * others.
 */
export interface IngestReply {
  readonly received: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly {
    readonly index: number;
    readonly code: RejectionCode;
    readonly message: string;
  }[];
}

/** The door: takes events, checks them, stores each once. */
export interface Ingest {
  readonly limits: IngestLimits;
  /**
   * Takes a body of events: one JSON object, a JSON array, or NDJSON. Resolves when the accepted events are
   * durable and the rejected ones are in `dead_letters`. Rejects with kind `input` (`INGEST_BODY_NOT_JSON`,
   * …) when the request is refused as a whole, with `transient` when it may be sent again
   * (`INGEST_OVERLOADED`, `LOG_BACKPRESSURE`, `LOG_DISK_FULL`), with `aborted` when ingest is closed, with
   * `fatal` (`INGEST_FAILED`) when only a restart helps. After a rejection events of the request may have
   * been stored; sending it again is safe.
   */
  accept(body: Buffer, options: AcceptOptions): Promise<IngestReply>;
  /** Memory for a request whose body is still to come; release it when the request ends. */
  admit(): Admission;
  /** Counts a request that was refused before it came here, by its code. */
  countRefused(code: string): void;
  counts(): IngestCounts;
  /** For how long back resent events of a topic are recognised, at this moment. */
  dedupWindowMs(topic: string): number | undefined;
  /** Rejected events that were not accepted since, oldest first. */
  deadLetters(): AsyncIterable<DeadLetter>;
  /**
   * Takes dead letters again, as they were received, marked as replayed; those that are accepted now do not
   * come again. One replay at a time.
   */
  replayDeadLetters(options?: { readonly filter?: (letter: DeadLetter) => boolean }): Promise<ReplayReport>;
  /** Takes over changed contracts; requests that are being handled keep the old ones. */
  useRegistry(registry: ContractRegistry): Promise<void>;
  /** Ends the requests that are being handled and writes the checkpoint. */
  close(): Promise<void>;
}

/**
 * Opens ingest: creates the topics and derives the deduplication index from the log.
 * `INGEST_TOPIC_MISMATCH`, `INGEST_BAD_LIMIT`.
 */
export async function createIngest(options: IngestOptions): Promise<Ingest> {
  const limits = limitsOf(options.limits);
  const ingest = new EmbeddedIngest(options, limits);
  const deadLetters = { partitions: 1, keyed: false, retentionBytes: limits.deadLettersBytesMax };
  await options.log.createTopic(DEAD_LETTERS, { ...deadLetters, ...options.topics?.[DEAD_LETTERS] });
  await ingest.useRegistry(options.registry);
  return ingest;
}

class EmbeddedIngest implements Ingest {
  readonly limits: IngestLimits;
  readonly #options: IngestOptions;
  readonly #meter: Meter;
  readonly #logger: Logger;
  readonly #counter: IngestCounter;
  readonly #admission: AdmissionControl;
  readonly #store: RequestStore;
  readonly #topics = new Map<string, IngestTopic>();
  readonly #running = new Set<Promise<unknown>>();
  #checker: EventChecker;
  #replaying: Promise<unknown> = Promise.resolve();
  #taking: Promise<unknown> = Promise.resolve();
  #reportedAtMs = -Infinity;
  #isClosed = false;

  constructor(options: IngestOptions, limits: IngestLimits) {
    this.limits = limits;
    this.#options = options;
    this.#meter = options.meter ?? silentMeter;
    this.#logger = options.logger ?? silentLogger;
    this.#counter = new IngestCounter(this.#meter);
    this.#admission = new AdmissionControl(limits.inFlightBytesMax, this.#meter);
    this.#store = new RequestStore(options.log, this.#counter);
    this.#checker = new EventChecker({ routes: new Map(), limits, clock: options.clock });
  }

  async accept(body: Buffer, options: AcceptOptions): Promise<IngestReply> {
    const admission = options.admission ?? this.#admission.admit();
    const { clock } = this.#options;
    try {
      this.#assertOpen();
      admission.growTo(body.length);
      const request = this.#requestOf(body, options);
      const source = bodyFormatOf(options.contentType) === 'json' ? 'document' : 'lines';
      await this.#track(this.#handle(request, source));
      this.#counter.answered(Math.max(0, clock.nowMs() - options.receivedAtMs));
      return replyOf(request);
    } catch (error) {
      this.#counter.refused(codeOf(error));
      throw error;
    } finally {
      if (options.admission === undefined) admission.release();
    }
  }

  admit(): Admission {
    return this.#admission.admit();
  }

  countRefused(code: string): void {
    this.#counter.refused(code);
  }

  counts(): IngestCounts {
    return this.#counter.read();
  }

  dedupWindowMs(topic: string): number | undefined {
    return this.#topics.get(topic)?.index.windowMs(this.#options.clock.nowMs());
  }

  async *deadLetters(): AsyncGenerator<DeadLetter> {
    const { log } = this.#options;
    const partitions = log.describe(DEAD_LETTERS)?.partitions ?? 0;
    for (let partition = 0; partition < partitions; partition++) yield* readDeadLetters(log, partition);
  }

  replayDeadLetters(options: { filter?: (letter: DeadLetter) => boolean } = {}): Promise<ReplayReport> {
    const replay = this.#replaying.then(() => {
      this.#assertOpen();
      return replayDeadLetters({
        letters: this.deadLetters(),
        filter: options.filter ?? (() => true),
        receivedAtMs: this.#options.clock.nowMs(),
        handle: (request, companion) => this.#track(this.#handle(request, 'letters', companion)),
      });
    });
    this.#replaying = replay.catch(() => {});
    return replay;
  }

  useRegistry(registry: ContractRegistry): Promise<void> {
    const taking = this.#taking.then(() => this.#takeRegistry(registry));
    this.#taking = taking.catch(() => {});
    return taking;
  }

  async #takeRegistry(registry: ContractRegistry): Promise<void> {
    const routes = new Map<string, Route>();
    for (const topicContract of registry.topics()) {
      const topic = await this.#openTopic(topicContract);
      for (const contract of topicContract.contracts) routes.set(contract.name, { contract, topic });
    }
    this.#checker = new EventChecker({ routes, limits: this.limits, clock: this.#options.clock });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    for (const { index } of this.#topics.values()) await index.close();
  }

  #requestOf(body: Buffer, options: AcceptOptions): IngestRequest {
    const format = bodyFormatOf(options.contentType);
    if (format === undefined) throw fail('INGEST_UNSUPPORTED_CONTENT_TYPE');
    const { bodyBytesMax, eventsPerRequestMax } = this.limits;
    if (body.length > bodyBytesMax)
      throw fail('INGEST_BODY_TOO_LARGE', { details: { bytesMax: bodyBytesMax } });
    const bounds = splitBody(body, format);
    // An empty array is JSON without events; an empty body is no JSON.
    if (bounds === undefined || (bounds.starts.length === 0 && !body.includes('[')))
      throw fail('INGEST_BODY_NOT_JSON');
    if (bounds.starts.length > eventsPerRequestMax) {
      throw fail('INGEST_TOO_MANY_EVENTS', {
        details: { events: bounds.starts.length, eventsPerRequestMax },
      });
    }
    return new IngestRequest({
      body,
      bounds,
      receivedAtMs: options.receivedAtMs,
      replayed: options.replayed ?? false,
    });
  }

  async #handle(request: IngestRequest, source: EventSource, companion?: Companion): Promise<void> {
    await this.#checker.check(request, source);
    await this.#store.store(request, companion);
    if (source !== 'letters') for (const { code } of request.rejections) this.#counter.rejected(code);
    this.#report();
  }

  async #track<Result>(work: Promise<Result>): Promise<Result> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #openTopic(contract: TopicContract): Promise<IngestTopic> {
    const { topic: name, keyed, table } = contract;
    const { log, clock, random, files, folder } = this.#options;
    const config = this.#options.topics?.[name];
    if (keyed && config?.keyed === false) {
      const event = contract.contracts[0]!.name;
      const message = `Topic '${name}' is set up as unkeyed, but event '${event}' has a key.`;
      throw fail('INGEST_TOPIC_MISMATCH', { message, details: { topic: name } });
    }
    if (config?.cleanup === 'compact') {
      const message = `Topic '${name}' is set up to be compacted; deduplication and raw tables need each event.`;
      throw fail('INGEST_TOPIC_MISMATCH', { message, details: { topic: name } });
    }
    await log.createTopic(name, { partitions: PARTITIONS_DEFAULT, ...config, keyed });
    const known = this.#topics.get(name);
    if (known !== undefined && known.idField !== table.idColumn) {
      const message = `Topic '${name}' has another id field now ('${table.idColumn}'): start again.`;
      throw fail('INGEST_TOPIC_MISMATCH', { message, details: { topic: name } });
    }
    if (known !== undefined && known.keyed === keyed) return known;
    const index =
      known?.index ??
      (await DedupIndex.open({
        log,
        topic: name,
        idField: table.idColumn,
        clock,
        random,
        files,
        folder: `${folder}/${name}`,
        windowMs: this.limits.dedupWindowMs,
        meter: this.#meter,
        logger: this.#logger,
      }));
    const topic: IngestTopic = {
      name,
      keyed,
      idField: table.idColumn,
      index,
      partitioner: new StickyPartitioner(),
    };
    this.#topics.set(name, topic);
    return topic;
  }

  /** Once a second: metrics, and memory within its bound. */
  #report(): void {
    const nowMs = this.#options.clock.nowMs();
    if (Math.abs(nowMs - this.#reportedAtMs) < REPORT_INTERVAL_MS) return;
    this.#reportedAtMs = nowMs;
    const indexes = [...this.#topics.values()].map((topic) => topic.index);
    while (indexes.reduce((sum, index) => sum + index.byteLength, 0) > this.limits.dedupBytesMax) {
      const oldest = indexes.reduce((one, other) => (other.oldestMs < one.oldestMs ? other : one));
      if (oldest.oldestMs === Infinity) break;
      oldest.dropOldest();
    }
    for (const index of indexes) index.report(nowMs);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw fail('INGEST_CLOSED');
  }
}

function replyOf(request: IngestRequest): IngestReply {
  return {
    received: request.count,
    accepted: request.total(OUTCOME.stored),
    duplicates: request.total(OUTCOME.duplicate),
    rejected: request.rejections.map(({ index, code, message }: Rejection) => ({ index, code, message })),
  };
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? 'UNKNOWN';
}
