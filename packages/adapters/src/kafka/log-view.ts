import { type GroupOffset, logError, type PartitionRange, type TopicDescription } from '@millrace/core/log';
import type { FoundRange, Place } from './ranges.ts';

/**
 * What the log knows of the brokers' state without asking: topics, ranges and group offsets. Commits of the
 * log's own change it as one; what others do comes with the next refresh.
 */
export class LogView {
  readonly #topics = new Map<string, TopicDescription>();
  readonly #ranges = new Map<string, PartitionRange[]>();
  readonly #groups = new Map<string, number>();

  topics(): readonly TopicDescription[] {
    return [...this.#topics.values()].toSorted((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  describe(topic: string): TopicDescription | undefined {
    return this.#topics.get(topic);
  }

  places(): readonly Place[] {
    return [...this.#topics.values()].flatMap(placesOf);
  }

  /** `LOG_NO_SUCH_TOPIC`, `LOG_NO_SUCH_PARTITION`. */
  range(topic: string, partition: number): PartitionRange {
    const description = this.#topics.get(topic);
    if (description === undefined) {
      throw logError('LOG_NO_SUCH_TOPIC', { message: `There is no topic ${topic}.`, details: { topic } });
    }
    const range = this.#ranges.get(topic)?.[partition];
    if (range !== undefined) return range;
    throw logError('LOG_NO_SUCH_PARTITION', {
      message: `${topic} has no partition ${partition}.`,
      details: { topic, partition, partitions: description.partitions },
    });
  }

  committedOffset(group: string, topic: string, partition: number): number | undefined {
    return this.#groups.get(keyOf(group, topic, partition));
  }

  /** A topic whose partitions are all known by their ranges. */
  putTopic(description: TopicDescription, ranges: readonly FoundRange[]): void {
    this.#topics.set(description.topic, description);
    const known = this.#ranges.get(description.topic) ?? [];
    for (let partition = known.length; partition < description.partitions; partition++) {
      known.push({ startOffset: 0, endOffset: 0 });
    }
    this.#ranges.set(description.topic, known);
    this.moveRanges(ranges);
  }

  /** Takes over what was found; returns the topics whose ends moved. Neither start nor end goes back. */
  moveRanges(ranges: readonly FoundRange[]): Set<string> {
    const moved = new Set<string>();
    for (const { topic, partition, startOffset = 0, endOffset = 0 } of ranges) {
      const known = this.#ranges.get(topic);
      const old = known?.[partition];
      if (known === undefined || old === undefined) continue;
      if (endOffset > old.endOffset) moved.add(topic);
      if (endOffset <= old.endOffset && startOffset <= old.startOffset) continue;
      const start = Math.max(old.startOffset, startOffset);
      known[partition] = { startOffset: start, endOffset: Math.max(old.endOffset, endOffset, start) };
    }
    return moved;
  }

  putOffsets(offsets: readonly GroupOffset[]): void {
    for (const { group, topic, partition, nextOffset } of offsets) {
      this.#groups.set(keyOf(group, topic, partition), nextOffset);
    }
  }
}

export function placesOf({ topic, partitions }: TopicDescription): readonly Place[] {
  return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
}

/** Names of topics hold no blank, so that two places never share a key. */
function keyOf(group: string, topic: string, partition: number): string {
  return `${topic} ${partition} ${group}`;
}
