import { type RecordBatch, RecordBatchBuilder } from '@millrace/core/log';
import { createTopicsV7 } from '@platformatic/kafka';
import type { BrokerPool } from './broker-pool.ts';
import type { KafkaSettings } from './config.ts';
import { classify } from './errors.ts';
import { retrying } from './retry.ts';

/** The topic that keeps what Kafka's own settings of a topic have no place for. */
export const TOPIC_REGISTRY = '__millrace_topics';

const CHANGE_MS = 15_000;

interface RegistryPorts {
  readonly append: (batch: RecordBatchBuilder) => Promise<unknown>;
  readonly read: (visit: (batch: RecordBatch) => void) => Promise<void>;
}

/** Which topics have records without keys: a compacted topic, key: the topic, value: its settings. */
export class TopicRegistry {
  readonly #settings: KafkaSettings;
  readonly #pool: BrokerPool;
  readonly #ports: RegistryPorts;
  readonly #unkeyed = new Set<string>();

  constructor(settings: KafkaSettings, pool: BrokerPool, ports: RegistryPorts) {
    this.#settings = settings;
    this.#pool = pool;
    this.#ports = ports;
  }

  isKeyed(topic: string): boolean {
    return !this.#unkeyed.has(topic);
  }

  /** Durable when it resolves. */
  async put(topic: string, isKeyed: boolean): Promise<void> {
    await this.#make();
    const batch = new RecordBatchBuilder({ createdAtMs: this.#settings.clock.nowMs() });
    batch.append(Buffer.from(topic), Buffer.from(JSON.stringify({ keyed: isKeyed })));
    await this.#ports.append(batch);
    this.#note(topic, isKeyed);
  }

  /** Reads what is kept; the topic may not be there yet. */
  async load(): Promise<void> {
    if (!this.#pool.topics.has(TOPIC_REGISTRY)) return;
    await this.#ports.read((batch) => {
      for (const { key, value } of batch.records()) {
        if (key === null || value === null) continue;
        const { keyed } = JSON.parse(Buffer.from(value).toString()) as { keyed: boolean };
        this.#note(Buffer.from(key).toString(), keyed);
      }
    });
  }

  #note(topic: string, isKeyed: boolean): void {
    if (isKeyed) this.#unkeyed.delete(topic);
    else this.#unkeyed.add(topic);
  }

  async #make(): Promise<void> {
    if (this.#pool.leader(TOPIC_REGISTRY, 0) >= 0) return;
    const { clock, limits } = this.#settings;
    const configs = [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'message.timestamp.type', value: 'LogAppendTime' },
    ];
    const topic = { name: TOPIC_REGISTRY, numPartitions: 1, replicationFactor: -1, assignments: [], configs };
    const options = { pool: this.#pool, clock, retryMsMax: limits.retryMsMax, what: 'create the registry' };
    await retrying(options, async () => {
      await this.#pool
        .askController(createTopicsV7.api, [topic], CHANGE_MS, false)
        .catch((error: unknown) => {
          if (classify(error).name !== 'TOPIC_ALREADY_EXISTS') throw error;
        });
      await this.#pool.refresh();
    });
  }
}
