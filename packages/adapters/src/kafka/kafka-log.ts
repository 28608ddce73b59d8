import { isMillraceError, messageOf } from '@millrace/core/base';
import {
  checkCommit,
  checkKeys,
  checkOffset,
  type CommitReceipt,
  type EventLog,
  type LogCommit,
  logError,
  LogFigures,
  type PartitionRange,
  type ReadOptions,
  type RecordBatch,
  type RecordBatchBuilder,
  type TopicConfig,
  type TopicDescription,
} from '@millrace/core/log';
import { encodeBatch } from './batches.ts';
import { BrokerPool } from './broker-pool.ts';
import { CommitQueue, type QueuedCommit } from './commit-queue.ts';
import { type KafkaLogOptions, type KafkaSettings, kafkaSettings } from './config.ts';
import { loadGroupOffsets } from './group-offsets.ts';
import { LogView } from './log-view.ts';
import { DeletedError, PartitionReader } from './partition-reader.ts';
import { findRanges, type FoundRange, listOffsets } from './ranges.ts';
import { retrying } from './retry.ts';
import { TOPIC_REGISTRY, TopicRegistry } from './topic-registry.ts';
import { TopicAdmin } from './topic-admin.ts';
import { TransactionWriter } from './transaction-writer.ts';

/** How many refreshes of the ranges there are for one of the topics. */
const TOPICS_EVERY = 25;

/**
 * Opens the event log on Apache Kafka. Takes over from whoever had the same transactional id: that one's
 * commits fail with `KAFKA_FENCED`, and what it had begun is committed or aborted before this resolves.
 * `KAFKA_UNAVAILABLE` when no broker answers, `KAFKA_REFUSED` when they do not want us.
 *
 * @example
 * ```ts
 * const log = await openKafkaLog({ brokers: ['localhost:9092'], clock, meter, logger });
 * ```
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const log = new KafkaLog(kafkaSettings(options));
  try {
    await log.start();
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}

class KafkaLog implements EventLog {
  readonly #settings: KafkaSettings;
  readonly #pool: BrokerPool;
  readonly #view = new LogView();
  readonly #writer: TransactionWriter;
  readonly #queue: CommitQueue;
  readonly #reader: PartitionReader;
  readonly #registry: TopicRegistry;
  readonly #admin: TopicAdmin;
  readonly #listeners = new Set<(topics: ReadonlySet<string>) => void>();
  #working: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #refreshes = 0;
  #isRefreshFailing = false;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    this.#pool = new BrokerPool(settings);
    this.#writer = new TransactionWriter(settings, this.#pool);
    this.#reader = new PartitionReader(settings, this.#pool);
    const { clock, logger, limits } = settings;
    this.#queue = new CommitQueue({
      writer: this.#writer,
      ...limits,
      clock,
      figures: new LogFigures(settings.meter),
      onVisible: (commits, ends) => this.#show(commits, ends),
      onFailure: (error) => {
        logger.error(`kafka: ${error.message}`);
        settings.onFailure?.(error);
      },
    });
    this.#registry = new TopicRegistry(settings, this.#pool, {
      append: (batch) => this.#enqueue({ appends: [{ topic: TOPIC_REGISTRY, partition: 0, batch }] }),
      read: (visit) => this.#scanRegistry(visit),
    });
    const { registry, parts } = { registry: this.#registry, parts: { settings, pool: this.#pool } };
    this.#admin = new TopicAdmin({ ...parts, view: this.#view, registry });
  }

  /** Takes over, then reads what the log's state is: in this order, so that nobody changes it in between. */
  async start(): Promise<void> {
    const { clock, limits } = this.#settings;
    const retry = { clock, retryMsMax: limits.retryMsMax };
    await retrying({ ...retry, pool: this.#pool, what: 'reach the brokers' }, () => this.#pool.refresh());
    await this.#writer.open();
    await this.#registry.load();
    await this.#admin.discover();
    this.#view.putOffsets(await loadGroupOffsets(this.#pool, retry));
    this.#working = this.#work();
  }

  async createTopic(topic: string, config: TopicConfig): Promise<TopicDescription> {
    this.#checkOpen();
    return await this.#admin.create(topic, config);
  }

  topics(): readonly TopicDescription[] {
    return this.#view.topics();
  }

  describe(topic: string): TopicDescription | undefined {
    return this.#view.describe(topic);
  }

  async addPartitions(topic: string, partitions: number): Promise<TopicDescription> {
    this.#checkOpen();
    return await this.#admin.addPartitions(topic, partitions);
  }

  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen();
    const range = this.#view.range(topic, partition);
    if (offset <= range.startOffset) return;
    checkOffset(offset, { topic, partition, ...range });
    await this.#admin.deleteRecords({ topic, partition }, offset);
  }

  async commit(commit: LogCommit): Promise<CommitReceipt> {
    this.#checkOpen();
    const { appends, offsets = [] } = commit;
    const bytes = checkCommit(commit, this.#settings.limits);
    for (const { topic, partition } of [...appends, ...offsets]) this.#view.range(topic, partition);
    for (const { topic, batch } of appends) checkKeys(this.#view.describe(topic)!, batch);
    this.#queue.checkRoom(bytes);
    return await this.#enqueue(commit);
  }

  async read(topic: string, partition: number, options: ReadOptions): Promise<readonly RecordBatch[]> {
    this.#checkOpen();
    const range = this.#view.range(topic, partition);
    checkOffset(options.offset, { topic, partition, ...range });
    const { endOffset } = range;
    if (options.offset === endOffset) return [];
    try {
      return await this.#reader.read({ topic, partition, ...options, endOffset });
    } catch (error) {
      if (!(error instanceof DeletedError)) throw error;
      this.#view.moveRanges(await findRanges(this.#pool, [{ topic, partition }]));
      const newer = this.#view.range(topic, partition);
      throw logError('LOG_OFFSET_OUT_OF_RANGE', {
        message: `${topic} ${partition} begins at offset ${newer.startOffset} by now.`,
        details: { topic, partition, offset: options.offset, ...newer },
      });
    }
  }

  range(topic: string, partition: number): PartitionRange {
    return this.#view.range(topic, partition);
  }

  async offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    this.#checkOpen();
    const { clock, limits } = this.#settings;
    this.#view.range(topic, partition);
    const what = `find a time in ${topic} ${partition}`;
    const retry = { pool: this.#pool, clock, retryMsMax: limits.retryMsMax, what };
    const found = await retrying(retry, async () => {
      const request = { places: [{ topic, partition }], timeMs: BigInt(Math.max(0, Math.ceil(timeMs))) };
      const [offset] = await listOffsets(this.#pool, this.#pool.leader(topic, partition), request);
      return offset;
    });
    const { startOffset, endOffset } = this.#view.range(topic, partition);
    if (found === undefined || found < 0) return endOffset;
    return Math.min(Math.max(found, startOffset), endOffset);
  }

  committedOffset(group: string, topic: string, partition: number): number | undefined {
    return this.#view.committedOffset(group, topic, partition);
  }

  onCommit(listener: (topics: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    // `#closing` is set when the loop looks at it.
    await Promise.resolve();
    this.#wake?.();
    await this.#working;
    await this.#pool.close();
  }

  #enqueue(commit: LogCommit): Promise<CommitReceipt> {
    const { appends, offsets = [] } = commit;
    const batches = appends.map(({ topic, partition, batch }) => ({
      topic,
      partition,
      count: batch.count,
      bytes: this.#encode(topic, batch),
    }));
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const answered = this.#queue.add({ batches, offsets, bytes });
    this.#wake?.();
    return answered;
  }

  /** By the topic's codec, so that the broker need not do it again; else by the log's. */
  #encode(topic: string, batch: RecordBatchBuilder): Uint8Array {
    const { compression = 'none' } = this.#view.describe(topic) ?? {};
    return encodeBatch(batch, compression === 'none' ? this.#settings.compression : compression);
  }

  /** One thing at a time, so that a refresh never shows half of a commit. */
  async #work(): Promise<void> {
    const { clock, limits } = this.#settings;
    let refreshAtMs = clock.monotonicMs() + limits.refreshIntervalMs;
    while (this.#closing === undefined || !this.#queue.isEmpty) {
      const waitMs = refreshAtMs - clock.monotonicMs();
      if (waitMs <= 0 && this.#closing === undefined) {
        await this.#refresh();
        refreshAtMs = clock.monotonicMs() + limits.refreshIntervalMs;
      } else if (this.#queue.isEmpty) {
        await this.#sleep(waitMs);
      } else {
        await this.#queue.storeNext();
      }
    }
  }

  /** What others appended, deleted or made. */
  async #refresh(): Promise<void> {
    try {
      if (++this.#refreshes % TOPICS_EVERY === 0) {
        await this.#pool.refresh();
        await this.#admin.discover();
      }
      const moved = this.#view.moveRanges(await findRanges(this.#pool, this.#view.places()));
      if (moved.size > 0) this.#notify(moved);
      this.#isRefreshFailing = false;
    } catch (error) {
      if (!this.#isRefreshFailing) this.#settings.logger.warn(`kafka: ${messageOf(error)}; trying again`);
      this.#isRefreshFailing = true;
      if (!isMillraceError(error)) await this.#pool.refresh().catch(() => {});
    }
  }

  async #scanRegistry(visit: (batch: RecordBatch) => void): Promise<void> {
    const place = { topic: TOPIC_REGISTRY, partition: 0 };
    const { clock, limits } = this.#settings;
    const retry = { pool: this.#pool, clock, retryMsMax: limits.retryMsMax, what: 'read the registry' };
    const [range] = await retrying(retry, () => findRanges(this.#pool, [place]));
    const { startOffset = 0, endOffset = 0 } = range ?? {};
    await this.#reader.scan({ ...place, offset: startOffset, endOffset }, visit);
  }

  #show(commits: readonly QueuedCommit[], ends: readonly FoundRange[]): void {
    const moved = this.#view.moveRanges(ends);
    for (const { offsets } of commits) this.#view.putOffsets(offsets);
    const touched = new Set(moved);
    for (const { batches } of commits) {
      for (const { topic } of batches) if (topic !== TOPIC_REGISTRY) touched.add(topic);
    }
    if (touched.size > 0) this.#notify(touched);
  }

  #notify(topics: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(topics);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw logError('LOG_CLOSED');
  }

  #sleep(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#settings.clock.schedule(() => this.#wake?.(), waitMs);
      this.#wake = () => {
        cancel();
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
