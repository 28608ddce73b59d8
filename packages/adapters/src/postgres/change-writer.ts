import type { Clock } from '@millrace/core/base';
import { type Append, type EventLog, RecordBatchBuilder } from '@millrace/core/log';
import { type ChangeOrigin, envelopeJson, type KeyedChange, type PgRelation } from '@millrace/core/sources';
import type { CapturePosition, PositionStore } from './position-store.ts';

export interface ChangeWriterOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly positions: PositionStore;
  readonly source: string;
}

const BATCH_BYTES = 4 << 20;

/** Gathers changes until they are committed together with the position that covers them. */
export class ChangeWriter {
  readonly #options: ChangeWriterOptions;
  readonly #appends: Append[] = [];
  readonly #open = new Map<string, RecordBatchBuilder>();
  #bytes = 0;

  constructor(options: ChangeWriterOptions) {
    this.#options = options;
  }

  /** Bytes that wait to be committed. */
  get bytes(): number {
    return this.#bytes;
  }

  nowUs(): bigint {
    return BigInt(this.#options.clock.nowMs()) * 1000n;
  }

  /** Makes the table's topic: one partition, so that its changes stay in the order of their commits. */
  async prepare(relation: PgRelation): Promise<void> {
    const topic = this.#topicOf(relation);
    if (this.#options.log.describe(topic) !== undefined) return;
    await this.#options.log.createTopic(topic, { partitions: 1, retentionMs: Infinity });
  }

  add(change: KeyedChange, relation: PgRelation, origin: ChangeOrigin): void {
    const { key, row } = change;
    const value = row && Buffer.from(envelopeJson(row, relation, { origin, nowUs: this.nowUs() }));
    const length = (value?.length ?? 0) + (key?.length ?? 0);
    const batch = this.#batchFor(this.#topicOf(relation), length);
    batch.append(key === null ? null : Buffer.from(key), value ?? null);
    this.#bytes += length;
  }

  /** Resolves when the changes and the position are durable. */
  async commit(position: CapturePosition): Promise<void> {
    const appends = [...this.#appends.splice(0), this.#options.positions.append(position)];
    this.#open.clear();
    this.#bytes = 0;
    await this.#options.log.commit({ appends });
  }

  #topicOf({ schema, table }: PgRelation): string {
    return [this.#options.source, schema, table].map(topicPart).join('.');
  }

  #batchFor(topic: string, length: number): RecordBatchBuilder {
    const open = this.#open.get(topic);
    if (open !== undefined && open.byteLength + length <= BATCH_BYTES) return open;
    const batch = new RecordBatchBuilder({ createdAtMs: this.#options.clock.nowMs() });
    this.#open.set(topic, batch);
    this.#appends.push({ topic, partition: 0, batch });
    return batch;
  }
}

/** What topics cannot be called becomes `_`, as Debezium does. */
function topicPart(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}
