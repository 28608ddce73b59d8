import { isMillraceError } from '../base/index.ts';
import { partitionFor, type CommitReceipt, type EventLog, type RecordHeader } from '../log/index.ts';
import { allSettled } from './all-settled.ts';
import { AppendList, type PartitionAppends } from './append-list.ts';
import { DEAD_LETTERS, encodeDeadLetters } from './dead-letters.ts';
import { fail } from './errors.ts';
import type { IngestCounter } from './ingest-counts.ts';
import { OUTCOME, type IngestRequest, type TopicEvents } from './ingest-request.ts';
import { STORED } from './id-table.ts';
import type { Claims } from './hot-ids.ts';

const OWNER_MAX = 0xffff_ffff;
const REPLAYED: readonly RecordHeader[] = [{ key: 'replayed', value: new Uint8Array([49]) }];
const NO_HEADERS: readonly RecordHeader[] = [];

/** Adds to a commit what must become durable together with these events. */
export type Companion = (events: readonly number[], list: AppendList) => void;

/**
 * Makes requests durable, each event once. A request claims the ids that nobody has, commits their events,
 * and only then waits for ids that others had claimed: so nobody waits for somebody who waits. Ids whose
 * owner failed are claimed in a further round.
 */
export class RequestStore {
  readonly #log: EventLog;
  readonly #counter: IngestCounter;
  /** By owner: resolves when its ids are stored or withdrawn. */
  readonly #fates = new Map<number, Promise<void>>();
  #lastOwner = STORED;
  #failure: unknown;

  constructor(log: EventLog, counter: IngestCounter) {
    this.#log = log;
    this.#counter = counter;
  }

  /**
   * Stores the routed events and dead-letters the others; with a `companion` the others are left as they are.
   */
  async store(request: IngestRequest, companion?: Companion): Promise<void> {
    let open: readonly TopicEvents[] = request.topics;
    let rejections = companion === undefined ? request.rejections.length : 0;
    while (open.length > 0 || rejections > 0) {
      const others = await this.#storeRound(request, { open, rejections, companion });
      rejections = 0;
      open = openEvents(request, open);
      await Promise.all(others);
    }
  }

  /** Returns the fates of the requests that own ids of this one. */
  async #storeRound(request: IngestRequest, round: Round): Promise<Promise<void>[]> {
    const owner = this.#nextOwner();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#fates.set(owner, promise);
    const claims = request.claims(owner);
    try {
      const { appends } = await this.#prepare(request, round, claims);
      const receipt = appends.length === 0 ? undefined : await this.#commit({ appends });
      return this.#settle(request, round, { claims, appends, receipt });
    } catch (error) {
      for (const { topic, events } of round.open) topic.index.withdraw(events, claims);
      throw error;
    } finally {
      this.#fates.delete(owner);
      resolve();
    }
  }

  /** Claims ids and encodes the events that are new. */
  async #prepare(request: IngestRequest, round: Round, claims: Claims): Promise<AppendList> {
    const searches: Promise<void>[] = [];
    for (const { topic, events } of round.open) topic.index.claim(events, claims, request.receivedAtMs);
    for (const { topic, events } of round.open) {
      const search = topic.index.findSealed(events, claims);
      if (search !== undefined) searches.push(search);
    }
    if (searches.length > 0) await allSettled(searches);

    const list = new AppendList(request.receivedAtMs);
    for (const open of round.open) this.#encode(request, open, list);
    if (round.rejections > 0) {
      encodeDeadLetters(request, list.partition(DEAD_LETTERS, 0, { records: round.rejections, bytes: 1024 }));
    }
    round.companion?.(concludedEvents(round.open, claims), list);
    return list;
  }

  #encode(request: IngestRequest, open: TopicEvents, list: AppendList): void {
    const { topic } = open;
    const events = open.events.filter((event) => request.holders[event] === 0);
    if (events.length === 0) return;
    const partitions = this.#log.describe(topic.name)!.partitions;
    const headers = request.replayed ? REPLAYED : NO_HEADERS;
    if (!topic.keyed) {
      const partition = topic.partitioner.next(partitions);
      const target = list.partition(topic.name, partition, {
        records: events.length,
        bytes: bytesOf(request, events),
      });
      for (const event of events) append(request, event, { target, key: null, headers });
      return;
    }
    const keys = events.map((event) => Buffer.from(request.keys[event]!));
    const targets: (PartitionAppends | undefined)[] = [];
    const expected = {
      records: Math.ceil(events.length / partitions),
      bytes: Math.ceil((bytesOf(request, events) * 1.5) / partitions),
    };
    for (let i = 0; i < events.length; i++) {
      const key = keys[i]!;
      const partition = partitionFor(key, partitions);
      const target = (targets[partition] ??= list.partition(topic.name, partition, expected));
      append(request, events[i]!, { target, key, headers });
    }
  }

  async #commit(commit: { readonly appends: AppendList['appends'] }): Promise<CommitReceipt> {
    if (this.#failure !== undefined) throw fail('INGEST_FAILED', { cause: this.#failure });
    try {
      return await this.#log.commit(commit);
    } catch (error) {
      // Whether a fatal commit was stored is known only after a restart, when the index is read from the log
      // again.
      const isStoppable = isMillraceError(error) && error.kind !== 'fatal';
      if (!isStoppable) this.#failure = error;
      throw isStoppable ? error : fail('INGEST_FAILED', { cause: error });
    }
  }

  #settle(request: IngestRequest, round: Round, committed: Committed): Promise<void>[] {
    const { claims, appends, receipt } = committed;
    const others = new Set<number>();
    let stored = 0;
    let duplicates = 0;
    for (const { topic, events } of round.open) {
      topic.index.settle(events, claims);
      for (const event of events) {
        const holder = claims.holders[event]!;
        if (holder === 0) stored += request.conclude(event, OUTCOME.stored);
        else if (holder === STORED || holder === claims.owner)
          duplicates += request.conclude(event, OUTCOME.duplicate);
        else others.add(holder);
      }
    }
    for (const [i, { topic, partition, batch }] of appends.entries()) {
      const target = request.topics.find((each) => each.topic.name === topic);
      target?.topic.index.advance(partition, receipt!.baseOffsets[i]!, batch.count);
    }
    this.#counter.settle({
      stored,
      duplicates,
      deadLettered: round.rejections,
      receivedAtMs: request.receivedAtMs,
    });
    // An owner without a fate has ended since its id was looked up.
    return [...others].map((owner) => this.#fates.get(owner) ?? Promise.resolve());
  }

  #nextOwner(): number {
    do {
      this.#lastOwner = this.#lastOwner >= OWNER_MAX ? STORED + 1 : this.#lastOwner + 1;
    } while (this.#fates.has(this.#lastOwner));
    return this.#lastOwner;
  }
}

interface Round {
  readonly open: readonly TopicEvents[];
  /** Rejected events to dead-letter in this round. */
  readonly rejections: number;
  readonly companion: Companion | undefined;
}

interface Committed {
  readonly claims: Claims;
  readonly appends: AppendList['appends'];
  readonly receipt: CommitReceipt | undefined;
}

function append(
  request: IngestRequest,
  event: number,
  record: { target: PartitionAppends; key: Uint8Array | null; headers: readonly RecordHeader[] },
): void {
  const start = request.starts[event]!;
  const end = request.ends[event]!;
  record.target.batch(end - start).appendSlice(record.key, request.body, start, end, record.headers);
}

function bytesOf(request: IngestRequest, events: readonly number[]): number {
  let bytes = 0;
  for (const event of events) bytes += request.ends[event]! - request.starts[event]!;
  return bytes;
}

/** Events of a topic that are neither stored nor known to be there. */
function openEvents(request: IngestRequest, topics: readonly TopicEvents[]): TopicEvents[] {
  return topics
    .map(({ topic, events }) => ({
      topic,
      events: events.filter((event) => request.outcomeOf(event) === OUTCOME.open),
    }))
    .filter(({ events }) => events.length > 0);
}

/** Events whose fate this round decides. */
function concludedEvents(topics: readonly TopicEvents[], claims: Claims): number[] {
  const { holders, owner } = claims;
  return topics.flatMap(({ events }) =>
    events.filter((event) => holders[event] === 0 || holders[event] === STORED || holders[event] === owner),
  );
}
