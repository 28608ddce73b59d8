import {
  checkTopic,
  type Compression,
  describeTopic,
  isCompression,
  logError,
  type TopicConfig,
  type TopicDescription,
} from '@millrace/core/log';
import {
  ConfigResourceTypes,
  createPartitionsV3,
  createTopicsV7,
  deleteRecordsV2,
  describeConfigsV4,
  IncrementalAlterConfigOperationTypes,
  incrementalAlterConfigsV1,
} from '@platformatic/kafka';
import type { BrokerPool } from './broker-pool.ts';
import type { KafkaSettings } from './config.ts';
import { classify } from './errors.ts';
import type { LogView } from './log-view.ts';
import { placesOf } from './log-view.ts';
import { findRanges, type FoundRange, type Place } from './ranges.ts';
import { retrying } from './retry.ts';
import { TOPIC_REGISTRY, type TopicRegistry } from './topic-registry.ts';

const TOPIC_RESOURCE = ConfigResourceTypes.TOPIC;
const SET = IncrementalAlterConfigOperationTypes.SET;
/** The cluster's own default: replicas by its size. */
const BY_DEFAULT = -1;
const CHANGE_MS = 15_000;
const UNLIMITED = '-1';
/** Batches are kept as they come. */
const BY_WRITER = 'producer';

/** What is kept as Kafka's own settings of a topic. */
const SETTINGS = ['retentionMs', 'retentionBytes', 'compression', 'cleanup', 'tombstoneRetentionMs'] as const;

const CONFIGURATION_KEYS = [
  'retention.ms',
  'retention.bytes',
  'compression.type',
  'cleanup.policy',
  'delete.retention.ms',
];

type KafkaTopicSettings = Pick<TopicDescription, (typeof SETTINGS)[number]>;

interface Parts {
  readonly settings: KafkaSettings;
  readonly pool: BrokerPool;
  readonly view: LogView;
  readonly registry: TopicRegistry;
}

/** Creates and changes topics, one change after the other, and tells the view. */
export class TopicAdmin {
  readonly #parts: Parts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  create(topic: string, config: TopicConfig): Promise<TopicDescription> {
    return this.#enqueue(async () => {
      const existing = this.#parts.view.describe(topic);
      const wanted = describeTopic(topic, config);
      checkTopic(wanted);
      const partitions = Math.max(wanted.partitions, existing?.partitions ?? 0);
      if (existing?.keyed && partitions > existing.partitions) {
        throw logError('LOG_KEYED_TOPIC', { details: { topic, partitions: existing.partitions } });
      }
      const description = { ...wanted, partitions };
      if (wanted.keyed !== (existing?.keyed ?? true)) await this.#parts.registry.put(topic, wanted.keyed);
      if (existing === undefined) await this.#make(description);
      else await this.#change(existing, description);
      return await this.#known(description);
    });
  }

  addPartitions(topic: string, partitions: number): Promise<TopicDescription> {
    return this.#enqueue(async () => {
      const existing = this.#parts.view.describe(topic);
      if (existing === undefined) throw logError('LOG_NO_SUCH_TOPIC', { details: { topic } });
      if (existing.keyed) throw logError('LOG_KEYED_TOPIC', { details: { topic } });
      const wanted = { ...existing, partitions };
      checkTopic(wanted);
      if (partitions < existing.partitions) {
        const message = `${topic} has ${existing.partitions} partitions; it cannot shrink to ${partitions}.`;
        throw logError('LOG_INVALID_TOPIC', { message, details: { topic, partitions } });
      }
      await this.#grow(existing, partitions);
      return await this.#known(wanted);
    });
  }

  /** Forgets the records below `offset`, which the partition has. */
  async deleteRecords({ topic, partition }: Place, offset: number): Promise<void> {
    const { pool, view } = this.#parts;
    const startOffset = await this.#retry(`delete records of ${topic} ${partition}`, async () => {
      const node = { nodeId: pool.leader(topic, partition), lane: 'write' } as const;
      const topics = [{ name: topic, partitions: [{ partitionIndex: partition, offset: BigInt(offset) }] }];
      const answer = await pool.ask(node, deleteRecordsV2.api, topics, CHANGE_MS);
      return Number(answer.topics[0]!.partitions[0]!.lowWatermark);
    });
    view.moveRanges([{ topic, partition, startOffset, endOffset: startOffset }]);
  }

  /** Topics of the cluster that the view does not know yet, or that have grown. */
  async discover(): Promise<void> {
    const { pool, view, registry } = this.#parts;
    const news: { topic: string; partitions: number }[] = [];
    for (const [topic, { isInternal, leaders }] of pool.topics) {
      if (isInternal || topic === TOPIC_REGISTRY || leaders.length === 0) continue;
      if (leaders.length > (view.describe(topic)?.partitions ?? 0)) {
        news.push({ topic, partitions: leaders.length });
      }
    }
    if (news.length === 0) return;
    const settings = await this.#settingsOf(news.map(({ topic }) => topic));
    const descriptions = news.map(({ topic, partitions }) => ({
      topic,
      partitions,
      ...settings.get(topic)!,
      keyed: registry.isKeyed(topic),
    }));
    const ranges = await this.#ranges(descriptions);
    for (const description of descriptions) {
      view.putTopic(
        description,
        ranges.filter(({ topic }) => topic === description.topic),
      );
    }
  }

  async #make(description: TopicDescription): Promise<void> {
    const { pool, settings } = this.#parts;
    const { topic: name, partitions: numPartitions } = description;
    const configs = Object.entries(configsOf(description, settings)).map(([key, value]) => ({
      name: key,
      value,
    }));
    const topic = { name, numPartitions, replicationFactor: BY_DEFAULT, assignments: [], configs };
    await this.#retry(`create ${name}`, async () => {
      await pool.askController(createTopicsV7.api, [topic], CHANGE_MS, false).catch((error: unknown) => {
        // An answer that was lost, or another process.
        if (classify(error).name !== 'TOPIC_ALREADY_EXISTS') throw error;
      });
    });
  }

  async #change(existing: TopicDescription, wanted: TopicDescription): Promise<void> {
    const { pool, settings } = this.#parts;
    const isChanged = SETTINGS.some((setting) => existing[setting] !== wanted[setting]);
    if (isChanged) {
      const configs = Object.entries(configsOf(wanted, settings)).map(([name, value]) => ({
        name,
        configOperation: SET,
        value,
      }));
      const resource = { resourceType: TOPIC_RESOURCE, resourceName: wanted.topic, configs };
      await this.#retry(`change ${wanted.topic}`, () =>
        pool.askController(incrementalAlterConfigsV1.api, [resource], false),
      );
    }
    await this.#grow(existing, wanted.partitions);
  }

  async #grow({ topic, partitions }: TopicDescription, count: number): Promise<void> {
    if (count === partitions) return;
    const { pool } = this.#parts;
    await this.#retry(`add partitions to ${topic}`, async () => {
      await pool.refresh();
      if ((pool.topics.get(topic)?.leaders.length ?? 0) >= count) return;
      await pool.askController(
        createPartitionsV3.api,
        [{ name: topic, count, assignments: null }],
        CHANGE_MS,
        false,
      );
    });
  }

  /** Waits until every partition has a leader that answers. */
  async #known(description: TopicDescription): Promise<TopicDescription> {
    this.#parts.view.putTopic(description, await this.#ranges([description]));
    return description;
  }

  async #ranges(descriptions: readonly TopicDescription[]): Promise<readonly FoundRange[]> {
    const { pool } = this.#parts;
    const places = descriptions.flatMap(placesOf);
    return await this.#retry('find the ranges of topics', async () => {
      if (places.some(({ topic, partition }) => pool.leader(topic, partition) < 0)) await pool.refresh();
      const ranges = await findRanges(pool, places);
      const known = ranges.filter(({ endOffset }) => endOffset !== undefined);
      if (known.length < places.length) throw new NoLeaderError();
      return known;
    });
  }

  async #settingsOf(topics: readonly string[]): Promise<Map<string, KafkaTopicSettings>> {
    const { pool } = this.#parts;
    const resources = topics.map((resourceName) => ({
      resourceType: TOPIC_RESOURCE,
      resourceName,
      configurationKeys: CONFIGURATION_KEYS,
    }));
    const answer = await this.#retry('read the settings of topics', () =>
      pool.askController(describeConfigsV4.api, resources, false, false),
    );
    return new Map(
      answer.results.map(({ resourceName, configs }) => {
        const of = (name: string) => configs.find((config) => config.name === name)?.value;
        const settings = {
          retentionMs: limitOf(of('retention.ms')),
          retentionBytes: limitOf(of('retention.bytes')),
          compression: compressionNamed(of('compression.type')),
          cleanup: of('cleanup.policy') === 'compact' ? ('compact' as const) : ('delete' as const),
          tombstoneRetentionMs: limitOf(of('delete.retention.ms')),
        };
        return [resourceName, settings];
      }),
    );
  }

  #enqueue(change: () => Promise<TopicDescription>): Promise<TopicDescription> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => {});
    return result;
  }

  #retry<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
    const { settings, pool } = this.#parts;
    const { clock, limits } = settings;
    return retrying({ pool, clock, retryMsMax: limits.retryMsMax, what }, operation);
  }
}

function configsOf(description: TopicDescription, settings: KafkaSettings): Record<string, string> {
  return {
    'retention.ms': textOf(description.retentionMs),
    'retention.bytes': textOf(description.retentionBytes),
    'message.timestamp.type': 'LogAppendTime',
    'cleanup.policy': description.cleanup,
    'delete.retention.ms': String(Math.min(description.tombstoneRetentionMs, Number.MAX_SAFE_INTEGER)),
    'compression.type': description.compression === 'none' ? BY_WRITER : description.compression,
    'max.message.bytes': String(settings.limits.batchBytesMax + 1_024),
  };
}

function textOf(limit: number): string {
  return limit === Infinity ? UNLIMITED : String(Math.ceil(limit));
}

function limitOf(value: string | null | undefined): number {
  return value === undefined || value === null || value === UNLIMITED ? Infinity : Number(value);
}

/** Other codecs are read as well, but cannot be asked for. */
function compressionNamed(name: string | null | undefined): Compression {
  return typeof name === 'string' && isCompression(name) ? name : 'none';
}

/** Passes when the cluster has chosen one. */
class NoLeaderError extends Error {
  readonly apiId = 'LEADER_NOT_AVAILABLE';
  readonly canRetry = true;

  constructor() {
    super('a partition has no leader that answers');
  }
}
