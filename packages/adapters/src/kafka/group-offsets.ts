import type { GroupOffset } from '@millrace/core/log';
import { listGroupsV4, offsetFetchV8 } from '@platformatic/kafka';
import type { BrokerPool } from './broker-pool.ts';
import type { RetryOptions } from './retry.ts';
import { retrying } from './retry.ts';

const NO_MEMBER = -1;

/**
 * The offsets of all groups of the cluster. Only what is decided: while a transaction holds an offset, the
 * broker is asked again, so that what a writer committed before it died is not overlooked.
 */
export async function loadGroupOffsets(
  pool: BrokerPool,
  retry: Omit<RetryOptions, 'pool' | 'what'>,
): Promise<readonly GroupOffset[]> {
  const offsets: GroupOffset[] = [];
  const listing = { ...retry, pool, what: 'list consumer groups' };
  for (const nodeId of pool.nodeIds) {
    const node = { nodeId, lane: 'read' } as const;
    const { groups } = await retrying(listing, () => pool.ask(node, listGroupsV4.api, [], []));
    for (const { groupId } of groups) {
      const fetching = { ...retry, pool, what: `read the offsets of ${groupId}` };
      offsets.push(...(await retrying(fetching, () => offsetsOf(pool, groupId))));
    }
  }
  return offsets;
}

async function offsetsOf(pool: BrokerPool, group: string): Promise<GroupOffset[]> {
  const node = { nodeId: await pool.coordinator('GROUP', group), lane: 'read' } as const;
  const request = [{ groupId: group, memberEpoch: NO_MEMBER, topics: null }];
  const answer = await pool.ask(node, offsetFetchV8.api, request, true);
  return answer.groups.flatMap(({ topics }) =>
    topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset }) => ({
          group,
          topic: name,
          partition: partitionIndex,
          nextOffset: Number(committedOffset),
        })),
    ),
  );
}
