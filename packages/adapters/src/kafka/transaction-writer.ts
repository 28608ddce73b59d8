import { isMillraceError, messageOf } from '@millrace/core/base';
import type { GroupOffset } from '@millrace/core/log';
import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  endTxnV3,
  initProducerIdV4,
  txnOffsetCommitV3,
} from '@platformatic/kafka';
import { stampBatch } from './batches.ts';
import type { BrokerPool } from './broker-pool.ts';
import type { KafkaSettings } from './config.ts';
import { classify, type Failure, kafkaError } from './errors.ts';
import { type FoundRange, listOffsets } from './ranges.ts';
import { retrying } from './retry.ts';
import { produce, type TopicToStore } from './wire.ts';

export interface QueuedBatch {
  readonly topic: string;
  readonly partition: number;
  /** From `encodeBatch`. */
  readonly bytes: Uint8Array;
  readonly count: number;
}

export interface StoreRequest {
  readonly batches: readonly QueuedBatch[];
  readonly offsets: readonly GroupOffset[];
}

/** What the broker said of one batch. */
export interface StoredBatch {
  readonly baseOffset: number;
  readonly appendedAtMs: number;
}

export interface StoreResult {
  /** In the order of the request's batches. */
  readonly stored: readonly StoredBatch[];
  /** Where the touched partitions end now. */
  readonly ends: readonly FoundRange[];
}

interface Attempt {
  readonly request: StoreRequest;
  readonly stored: (StoredBatch | undefined)[];
}

const PRODUCE_MS = 15_000;
const LATEST = -1n;
const SEQUENCE_END = 2 ** 31;

/**
 * One transaction after the other, under one transactional id. `open` fences whoever had the id before; a
 * transaction that fails is aborted by taking the id again, which begins a new epoch with new sequences.
 */
export class TransactionWriter {
  readonly #settings: KafkaSettings;
  readonly #pool: BrokerPool;
  readonly #sequences = new Map<string, number>();
  #producerId = -1n;
  #epoch = -1;
  /** A transaction may be open that must not be committed. */
  #isTainted = false;

  constructor(settings: KafkaSettings, pool: BrokerPool) {
    this.#settings = settings;
    this.#pool = pool;
  }

  /** Takes the transactional id; resolves when what the writer before had begun is committed or aborted. */
  async open(): Promise<void> {
    const { transactionalId, limits } = this.#settings;
    await this.#retry('take the transactional id', async () => {
      const answer = await this.#pool.ask(
        await this.#coordinator(),
        initProducerIdV4.api,
        transactionalId,
        limits.transactionTimeoutMs,
        this.#producerId,
        this.#epoch,
      );
      this.#producerId = answer.producerId;
      this.#epoch = answer.producerEpoch;
    });
    this.#sequences.clear();
    this.#isTainted = false;
  }

  /**
   * Stores batches and offsets as one transaction; resolves when all of it is committed and can be read.
   * `KAFKA_UNAVAILABLE`, `KAFKA_REFUSED`: nothing was stored. `KAFKA_FENCED`, `KAFKA_OUTCOME_UNKNOWN`: the
   * writer is of no more use.
   */
  async store(request: StoreRequest): Promise<StoreResult> {
    const { clock, limits } = this.#settings;
    const deadlineMs = clock.monotonicMs() + limits.retryMsMax;
    for (;;) {
      if (this.#isTainted) await this.open();
      const attempt: Attempt = { request, stored: request.batches.map(() => undefined) };
      try {
        await this.#fill(attempt);
      } catch (error) {
        this.#isTainted = true;
        if (isMillraceError(error)) throw error;
        this.#judge(error, clock.monotonicMs() > deadlineMs);
        await this.#pool.refresh().catch(() => {});
        continue;
      }
      await this.#commit();
      const stored = attempt.stored.map((each) => each!);
      return { stored, ends: await this.#whenVisible(request, stored) };
    }
  }

  /** Returns when another attempt may do; throws what the caller is told otherwise. */
  #judge(error: unknown, isLate: boolean): void {
    const { kind, name, message } = classify(error);
    const options = { message: `Kafka: store records: ${message}`, cause: error, details: { answer: name } };
    if (kind === 'broken') throw error;
    if (kind === 'fenced') throw kafkaError('KAFKA_FENCED', { cause: error, details: { answer: name } });
    if (kind === 'refused') throw kafkaError('KAFKA_REFUSED', options);
    if (isLate) throw kafkaError('KAFKA_UNAVAILABLE', { ...options, retryAfterMs: 1_000 });
  }

  async #fill(attempt: Attempt): Promise<void> {
    const { batches, offsets } = attempt.request;
    if (batches.length > 0) await this.#addPartitions(batches);
    const groups = [...Map.groupBy(offsets, ({ group }) => group)];
    for (const [group] of groups) await this.#addGroup(group);
    const results = await Promise.allSettled([
      ...this.#produceAll(attempt),
      ...groups.map(([group, own]) => this.#commitOffsets(group, own)),
    ]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #addPartitions(batches: readonly QueuedBatch[]): Promise<void> {
    const topics = [...Map.groupBy(batches, ({ topic }) => topic)].map(([name, own]) => ({
      name,
      partitions: [...new Set(own.map(({ partition }) => partition))],
    }));
    const transaction = {
      transactionalId: this.#settings.transactionalId,
      producerId: this.#producerId,
      producerEpoch: this.#epoch,
      verifyOnly: false,
      topics,
    };
    await this.#retry('begin a transaction', async () => {
      await this.#pool.ask(await this.#coordinator(), addPartitionsToTxnV3.api, [transaction]);
    });
  }

  async #addGroup(group: string): Promise<void> {
    const { transactionalId } = this.#settings;
    await this.#retry('begin a transaction', async () => {
      const node = await this.#coordinator();
      await this.#pool.ask(
        node,
        addOffsetsToTxnV3.api,
        transactionalId,
        this.#producerId,
        this.#epoch,
        group,
      );
    });
  }

  /** All requests are on their way at once; a connection keeps their order, which the sequences need. */
  #produceAll(attempt: Attempt): Promise<void>[] {
    const { batches } = attempt.request;
    const rounds: Map<number, number[]>[] = [];
    const depths = new Map<string, number>();
    batches.forEach(({ topic, partition, bytes, count }, index) => {
      const key = `${topic} ${partition}`;
      const sequence = this.#sequences.get(key) ?? 0;
      const stamp = { producerId: this.#producerId, epoch: this.#epoch, sequence };
      stampBatch(bytes, stamp, this.#settings.checksum);
      this.#sequences.set(key, (sequence + count) % SEQUENCE_END);
      const depth = depths.get(key) ?? 0;
      depths.set(key, depth + 1);
      const leader = this.#pool.leader(topic, partition);
      const round = (rounds[depth] ??= new Map<number, number[]>());
      const own = round.get(leader);
      if (own === undefined) round.set(leader, [index]);
      else own.push(index);
    });
    return rounds.flatMap((round) => [...round].map(([leader, own]) => this.#produce(attempt, leader, own)));
  }

  async #produce({ request, stored }: Attempt, nodeId: number, indexes: readonly number[]): Promise<void> {
    const topics = new Map<string, { topic: string; batches: QueuedBatch[] }>();
    for (const index of indexes) {
      const batch = request.batches[index]!;
      const known = topics.get(batch.topic);
      if (known === undefined) topics.set(batch.topic, { topic: batch.topic, batches: [batch] });
      else known.batches.push(batch);
    }
    const data: TopicToStore[] = [...topics.values()];
    const { transactionalId } = this.#settings;
    const node = { nodeId, lane: 'write' } as const;
    const answer = await this.#pool.ask(node, produce, transactionalId, PRODUCE_MS, data);
    const answers = new Map<string, StoredBatch>();
    for (const { name, partitionResponses } of answer.responses) {
      for (const { index, baseOffset, logAppendTimeMs } of partitionResponses) {
        const appendedAtMs = Number(logAppendTimeMs);
        answers.set(`${name} ${index}`, { baseOffset: Number(baseOffset), appendedAtMs });
      }
    }
    for (const index of indexes) {
      const { topic, partition } = request.batches[index]!;
      stored[index] = answers.get(`${topic} ${partition}`);
    }
  }

  async #commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    // The last one counts where a transaction holds several of a partition.
    const latest = new Map(offsets.map((offset) => [`${offset.topic} ${offset.partition}`, offset]));
    const topics = [...Map.groupBy(latest.values(), ({ topic }) => topic)].map(([name, own]) => ({
      name,
      partitions: own.map(({ partition, nextOffset }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(nextOffset),
        committedLeaderEpoch: -1,
        committedMetadata: '',
      })),
    }));
    const { transactionalId } = this.#settings;
    await this.#retry(`commit offsets of ${group}`, async () => {
      const node = { nodeId: await this.#pool.coordinator('GROUP', group), lane: 'write' } as const;
      await this.#pool.ask(
        node,
        txnOffsetCommitV3.api,
        transactionalId,
        group,
        this.#producerId,
        this.#epoch,
        -1,
        '',
        null,
        topics,
      );
    });
  }

  /** From the first attempt on the transaction may be committed: only an answer of the brokers ends this. */
  async #commit(): Promise<void> {
    const { transactionalId } = this.#settings;
    let isFirst = true;
    try {
      await this.#retry('commit a transaction', async () => {
        const node = await this.#coordinator();
        const answer = this.#pool.ask(
          node,
          endTxnV3.api,
          transactionalId,
          this.#producerId,
          this.#epoch,
          true,
        );
        await answer.catch((error: unknown) => {
          if (isAnswered(classify(error))) throw error;
          isFirst = false;
          throw error;
        });
      });
    } catch (error) {
      if (isFirst && isMillraceError(error) && error.code === 'KAFKA_FENCED') throw error;
      throw kafkaError('KAFKA_OUTCOME_UNKNOWN', { cause: error, details: { reason: messageOf(error) } });
    }
  }

  /** Markers are written after the answer: the end of a partition moves when its marker is there. */
  async #whenVisible(request: StoreRequest, stored: readonly StoredBatch[]): Promise<FoundRange[]> {
    const lasts = new Map<string, { topic: string; partition: number; lastOffset: number }>();
    request.batches.forEach(({ topic, partition, count }, i) => {
      const lastOffset = stored[i]!.baseOffset + count - 1;
      lasts.set(`${topic} ${partition}`, { topic, partition, lastOffset });
    });
    const ends: FoundRange[] = [];
    const waiting = new Map(lasts);
    await this.#retry('see what was committed', async () => {
      const byLeader = Map.groupBy(waiting.values(), (place) =>
        this.#pool.leader(place.topic, place.partition),
      );
      for (const [nodeId, places] of byLeader) {
        const found = await listOffsets(this.#pool, nodeId, { places, timeMs: LATEST });
        places.forEach(({ topic, partition, lastOffset }, i) => {
          const endOffset = found[i];
          if (endOffset === undefined || endOffset <= lastOffset) return;
          ends.push({ topic, partition, startOffset: 0, endOffset });
          waiting.delete(`${topic} ${partition}`);
        });
      }
      if (waiting.size > 0) throw new NotVisibleError();
    }).catch(() => {
      // Committed it is: behind the last record comes the marker.
      for (const { topic, partition, lastOffset } of waiting.values()) {
        ends.push({ topic, partition, startOffset: 0, endOffset: lastOffset + 2 });
      }
    });
    return ends;
  }

  async #coordinator(): Promise<{ nodeId: number; lane: 'write' }> {
    const nodeId = await this.#pool.coordinator('TRANSACTION', this.#settings.transactionalId);
    return { nodeId, lane: 'write' };
  }

  #retry<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
    const { clock, limits } = this.#settings;
    return retrying({ pool: this.#pool, clock, retryMsMax: limits.retryMsMax, what }, operation);
  }
}

/** Whether a broker has said no: a lost connection leaves it open. */
function isAnswered({ name }: Failure): boolean {
  return name !== '';
}

/** Reads as an answer that passes. */
class NotVisibleError extends Error {
  readonly apiId = 'UNSTABLE_OFFSET_COMMIT';

  constructor() {
    super('the transaction is not completed');
  }
}
