import { assert } from '../base/index.ts';
import { PartitionLog } from './partition-log.ts';
import type { TopicConfig, TopicDescription } from './port.ts';

const RETENTION_MS_DEFAULT = 7 * 24 * 60 * 60 * 1000;
const TOMBSTONE_RETENTION_MS_DEFAULT = 24 * 60 * 60 * 1000;

/** One topic: its description as others see it, and its partitions. */
export interface TopicState {
  readonly id: number;
  description: TopicDescription;
  readonly partitions: PartitionLog[];
}

export interface GroupPosition {
  readonly group: string;
  readonly topicId: number;
  readonly partition: number;
  readonly nextOffset: number;
}

/**
 * Everything that is durable and visible: topics, partitions and group offsets, after the frame `sequence`.
 */
export class LogState {
  /** Random, made with the log. */
  readonly logId: Uint8Array;
  sequence = 0;
  /** Journal files with lower numbers hold no frame after the checkpoint. */
  journalFrom = 0;
  lastAppendedAtMs = 0;
  readonly #segmentsFolder: string;
  readonly #topics = new Map<string, TopicState>();
  readonly #byId: (TopicState | undefined)[] = [];
  /** By group, topic id and partition. */
  readonly #groups = new Map<string, (number[] | undefined)[]>();

  constructor(logId: Uint8Array, segmentsFolder: string) {
    this.logId = logId;
    this.#segmentsFolder = segmentsFolder;
  }

  get nextTopicId(): number {
    return this.#byId.length;
  }

  topic(name: string): TopicState | undefined {
    return this.#topics.get(name);
  }

  topics(): TopicState[] {
    return [...this.#topics.values()];
  }

  partition(topicId: number, partition: number): PartitionLog {
    const found = this.#byId[topicId]?.partitions[partition];
    assert(found !== undefined, `no partition ${partition} of the topic with the id ${topicId}`);
    return found;
  }

  partitions(): PartitionLog[] {
    return this.topics().flatMap(({ partitions }) => partitions);
  }

  /** Adds a topic, or changes the one with this id. */
  putTopic(id: number, description: TopicDescription): TopicState {
    let state = this.#byId[id];
    if (state === undefined) {
      state = { id, description, partitions: [] };
      this.#byId[id] = state;
      this.#topics.set(description.topic, state);
    }
    state.description = description;
    const { topic } = description;
    while (state.partitions.length < description.partitions) {
      const partition = state.partitions.length;
      state.partitions.push(
        new PartitionLog({ topic, topicId: id, partition, segmentsFolder: this.#segmentsFolder }),
      );
    }
    return state;
  }

  putGroupOffset(position: GroupPosition): void {
    let topics = this.#groups.get(position.group);
    if (topics === undefined) this.#groups.set(position.group, (topics = []));
    const offsets = (topics[position.topicId] ??= []);
    offsets[position.partition] = position.nextOffset;
  }

  groupOffset(group: string, topicId: number, partition: number): number | undefined {
    return this.#groups.get(group)?.[topicId]?.[partition];
  }

  groupPositions(): GroupPosition[] {
    const positions: GroupPosition[] = [];
    for (const [group, topics] of this.#groups) {
      topics.forEach((offsets, topicId) => {
        offsets?.forEach((nextOffset, partition) =>
          positions.push({ group, topicId, partition, nextOffset }),
        );
      });
    }
    return positions;
  }
}

/** The description with the defaults filled in. */
export function describeTopic(topic: string, config: TopicConfig): TopicDescription {
  return {
    topic,
    partitions: config.partitions,
    retentionMs: config.retentionMs ?? RETENTION_MS_DEFAULT,
    retentionBytes: config.retentionBytes ?? Infinity,
    keyed: config.keyed ?? true,
    compression: config.compression ?? 'none',
    cleanup: config.cleanup ?? 'delete',
    tombstoneRetentionMs: config.tombstoneRetentionMs ?? TOMBSTONE_RETENTION_MS_DEFAULT,
  };
}

/** For the journal and the checkpoint: JSON has no infinity, null stands for it. */
export function encodeDescription(description: TopicDescription): string {
  return JSON.stringify(description);
}

export function decodeDescription(json: string): TopicDescription {
  const stored = JSON.parse(json) as Pick<TopicDescription, 'topic' | 'partitions' | 'keyed'> &
    Pick<TopicConfig, 'compression' | 'cleanup'> &
    Record<string, unknown>;
  const limit = (name: string) => (stored[name] === null ? Infinity : Number(stored[name]));
  return {
    topic: stored.topic,
    partitions: stored.partitions,
    retentionMs: limit('retentionMs'),
    retentionBytes: limit('retentionBytes'),
    keyed: stored.keyed,
    compression: stored.compression ?? 'none',
    cleanup: stored.cleanup ?? 'delete',
    tombstoneRetentionMs:
      stored['tombstoneRetentionMs'] === undefined
        ? TOMBSTONE_RETENTION_MS_DEFAULT
        : limit('tombstoneRetentionMs'),
  };
}
