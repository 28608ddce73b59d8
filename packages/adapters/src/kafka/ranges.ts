import type { PartitionRange } from '@millrace/core/log';
import { listOffsetsV7, ListOffsetTimestamps } from '@platformatic/kafka';
import { type BrokerPool, partialAnswer } from './broker-pool.ts';

const READ_COMMITTED = 1;
const CONSUMER = -1;

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** The range of a place; undefined where its broker did not answer. */
export type FoundRange = Place & Partial<PartitionRange>;

/**
 * First and stable end offset of partitions; those without a leader, or whose leader does not answer, are
 * left out.
 */
export async function findRanges(pool: BrokerPool, places: readonly Place[]): Promise<readonly FoundRange[]> {
  const byLeader = Map.groupBy(places, ({ topic, partition }) => pool.leader(topic, partition));
  const found = await Promise.all(
    [...byLeader].map(async ([nodeId, own]) => {
      if (nodeId < 0) return [];
      const [starts, ends] = await Promise.all([
        listOffsets(pool, nodeId, { places: own, timeMs: ListOffsetTimestamps.EARLIEST }),
        listOffsets(pool, nodeId, { places: own, timeMs: ListOffsetTimestamps.LATEST }),
      ]);
      return own.map((place, i) => ({ ...place, ...rangeOf(starts[i], ends[i]) }));
    }),
  );
  return found.flat();
}

function rangeOf(startOffset: number | undefined, endOffset: number | undefined): Partial<PartitionRange> {
  return startOffset === undefined || endOffset === undefined ? {} : { startOffset, endOffset };
}

export interface OffsetsRequest {
  readonly places: readonly Place[];
  /** Or one of `ListOffsetTimestamps`. */
  readonly timeMs: bigint;
}

/** The offset of each place, of committed records only; -1 when there is none at or after the time. */
export async function listOffsets(
  pool: BrokerPool,
  nodeId: number,
  { places, timeMs }: OffsetsRequest,
): Promise<readonly (number | undefined)[]> {
  const topics = [...Map.groupBy(places, ({ topic }) => topic)].map(([name, own]) => ({
    name,
    partitions: own.map(({ partition }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: -1,
      timestamp: timeMs,
    })),
  }));
  const node = { nodeId, lane: 'read' } as const;
  const answer = await pool
    .ask(node, listOffsetsV7.api, CONSUMER, READ_COMMITTED, topics)
    .catch(partialAnswer<listOffsetsV7.ListOffsetsResponse>);
  const found = new Map<string, number>();
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode, offset } of partitions) {
      if (errorCode === 0) found.set(`${name} ${partitionIndex}`, Number(offset));
    }
  }
  return places.map(({ topic, partition }) => found.get(`${topic} ${partition}`));
}
