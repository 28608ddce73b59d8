import type { EventLog } from '../log/index.ts';
import { DEAD_LETTERS_TOPIC } from './dead-letter.ts';
import { fail } from './errors.ts';
import type { Topology } from './topology.ts';
import type { RepartitionTopic, SubTopology } from './topology-graph.ts';

const PARTITIONS_DEFAULT = 4;
const DEAD_LETTERS: readonly [string, { partitions: number; keyed: boolean }] = [
  DEAD_LETTERS_TOPIC,
  { partitions: 1, keyed: false },
];

/**
 * Makes the topics of a topology that are missing, and checks that what meets by key has as many partitions.
 */
export async function prepareTopics(log: EventLog, topology: Topology): Promise<void> {
  const { graph } = topology;
  if (log.describe(DEAD_LETTERS_TOPIC) === undefined) await log.createTopic(...DEAD_LETTERS);
  for (const topic of [...graph.externalSourceTopics(), ...graph.sinkTopics()]) {
    if (log.describe(topic) === undefined) await log.createTopic(topic, { partitions: PARTITIONS_DEFAULT });
  }
  const partitions = repartitionCounts(log, topology);
  for (const [topic, count] of partitions) {
    if (log.describe(topic) === undefined) {
      // Deleted by the runtime once processed, so that retention must not do it before.
      await log.createTopic(topic, { partitions: count, retentionMs: Infinity });
    }
  }
  for (const subTopology of topology.subTopologies) await prepareChangelogs(log, topology, subTopology);
}

/** Tasks of a sub-topology: as many as its widest topic has partitions. */
export function taskCount(log: EventLog, topology: Topology, subTopology: SubTopology): number {
  const counts = subTopology.sources.map(({ topic }) => log.describe(topic!)!.partitions);
  const isEven = counts.every((count) => count === counts[0]);
  if (!isEven && subTopology.stores.length > 0) throw notCopartitioned(log, topology, subTopology);
  return Math.max(...counts);
}

/**
 * Partitions of the internal topics: those that exist keep theirs, others take on what they meet or come
 * from.
 */
function repartitionCounts(log: EventLog, topology: Topology): Map<string, number> {
  const counts = new Map<string, number>();
  const { repartitionTopics } = topology.graph;
  const known = (topic: string) => counts.get(topic) ?? log.describe(topic)?.partitions;
  for (const { topic, partitions } of repartitionTopics) {
    const count = log.describe(topic)?.partitions ?? partitions;
    if (count !== undefined) counts.set(topic, count);
  }
  // A topic's count may follow from another internal topic's: as many rounds as there are topics suffice.
  for (let round = 0; round < repartitionTopics.length; round++) {
    for (const each of repartitionTopics) {
      if (known(each.topic) !== undefined) continue;
      const count = countFromNeighbours(topology, each, known);
      if (count !== undefined) counts.set(each.topic, count);
    }
  }
  return counts;
}

function countFromNeighbours(
  topology: Topology,
  { source, sink }: RepartitionTopic,
  known: (topic: string) => number | undefined,
): number | undefined {
  const { graph, subTopologies } = topology;
  const behind = subTopologies.find(({ sources }) => sources.includes(source))!;
  const external = behind.sources.filter(({ topic }) => !graph.isRepartitionTopic(topic!));
  if (behind.stores.length > 0 && external.length > 0) return known(external[0]!.topic!);
  const ahead = subTopologies.find(({ nodes }) => nodes.includes(sink))!;
  const counts = ahead.sources.map(({ topic }) => known(topic!));
  return counts.includes(undefined) ? undefined : Math.max(...(counts as number[]));
}

async function prepareChangelogs(log: EventLog, topology: Topology, subTopology: SubTopology): Promise<void> {
  const tasks = taskCount(log, topology, subTopology);
  const keyed = subTopology.sources.some(({ topic }) => log.describe(topic!)!.keyed);
  for (const { name } of subTopology.stores) {
    const topic = topology.graph.internalTopic(name, 'changelog');
    const existing = log.describe(topic);
    if (existing === undefined) {
      await log.createTopic(topic, { partitions: tasks, retentionMs: Infinity, keyed });
    } else if (existing.partitions < tasks && !keyed) {
      await log.addPartitions(topic, tasks);
    } else if (existing.partitions !== tasks) {
      throw fail('STREAMS_PARTITIONS_CHANGED', {
        message:
          `Topology '${topology.applicationId}': store '${name}' has state for ` +
          `${existing.partitions} partitions, its topics now have ${tasks}.`,
        details: {
          application: topology.applicationId,
          store: name,
          before: existing.partitions,
          now: tasks,
        },
      });
    }
  }
}

function notCopartitioned(log: EventLog, topology: Topology, subTopology: SubTopology): Error {
  const counts = subTopology.sources.map(({ topic }) => `${topic} has ${log.describe(topic!)!.partitions}`);
  return fail('STREAMS_NOT_COPARTITIONED', {
    message: `Topology '${topology.applicationId}': ${counts.join(', ')} partitions; they meet in its tasks.`,
    details: { application: topology.applicationId, topics: subTopology.sources.map(({ topic }) => topic) },
  });
}
