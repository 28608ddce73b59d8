import { type CommitRequest, emptyRequest } from './commit-group.ts';
import { codecOf, type CompressionCodecs } from './compression.ts';
import { logError } from './errors.ts';
import { describeTopic, type LogState } from './log-state.ts';
import type { TopicConfig, TopicDescription } from './port.ts';
import { checkTopic } from './request-checks.ts';

/** Creates and changes topics, one change after the other: each looks at what the one before has made. */
export class TopicChanges {
  readonly #state: LogState;
  readonly #codecs: CompressionCodecs;
  readonly #submit: (request: CommitRequest) => Promise<unknown>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    state: LogState,
    codecs: CompressionCodecs,
    submit: (request: CommitRequest) => Promise<unknown>,
  ) {
    this.#state = state;
    this.#codecs = codecs;
    this.#submit = submit;
  }

  create(topic: string, config: TopicConfig): Promise<TopicDescription> {
    return this.#enqueue(async () => {
      const existing = this.#state.topic(topic)?.description;
      const wanted = describeTopic(topic, config);
      checkTopic(wanted);
      if (wanted.compression !== 'none') codecOf(wanted.compression, this.#codecs);
      const partitions = Math.max(wanted.partitions, existing?.partitions ?? 0);
      if (existing?.keyed && partitions > existing.partitions) {
        throw logError('LOG_KEYED_TOPIC', { details: { topic, partitions: existing.partitions } });
      }
      return this.#put({ ...wanted, partitions }, existing);
    });
  }

  addPartitions(topic: string, partitions: number): Promise<TopicDescription> {
    return this.#enqueue(async () => {
      const existing = this.#state.topic(topic)?.description;
      if (existing === undefined) throw logError('LOG_NO_SUCH_TOPIC', { details: { topic } });
      if (existing.keyed) throw logError('LOG_KEYED_TOPIC', { details: { topic } });
      const wanted = { ...existing, partitions };
      checkTopic(wanted);
      if (partitions < existing.partitions) {
        const message = `${topic} has ${existing.partitions} partitions; it cannot shrink to ${partitions}.`;
        throw logError('LOG_INVALID_TOPIC', { message, details: { topic, partitions } });
      }
      return this.#put(wanted, existing);
    });
  }

  async #put(
    description: TopicDescription,
    existing: TopicDescription | undefined,
  ): Promise<TopicDescription> {
    if (existing !== undefined && isSame(description, existing)) return existing;
    const id = this.#state.topic(description.topic)?.id ?? this.#state.nextTopicId;
    await this.#submit({ ...emptyRequest, topics: [{ id, description }] });
    return description;
  }

  #enqueue(change: () => Promise<TopicDescription>): Promise<TopicDescription> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => {});
    return result;
  }
}

function isSame(a: TopicDescription, b: TopicDescription): boolean {
  return (
    a.partitions === b.partitions &&
    a.retentionMs === b.retentionMs &&
    a.retentionBytes === b.retentionBytes &&
    a.keyed === b.keyed &&
    a.compression === b.compression &&
    a.cleanup === b.cleanup &&
    a.tombstoneRetentionMs === b.tombstoneRetentionMs
  );
}
