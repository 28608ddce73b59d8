import type { StreamsBuilder } from './dsl.ts';
import { GraphBuilder } from './streams-builder.ts';
import { TopologyGraph, type GraphNode, type SubTopology } from './topology-graph.ts';

/** What happens with a record whose processing threw. */
export type FailureResponse =
  /** The raw record goes to `dead_letters` with the reason, in the same commit; processing goes on. */
  | 'dead-letter'
  /** The record is left out and counted. */
  | 'skip'
  /** The topology stops at the record and an error is logged; others go on. */
  | 'fail';

/** What is known about a failure. */
export interface TopologyFailure {
  readonly operator: string;
  readonly error: unknown;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Undefined when the record could not be read. */
  readonly key: unknown;
  readonly value: unknown;
}

export interface TopologyOptions {
  /** Default `dead-letter`. A function decides for each failure. */
  readonly onError?: FailureResponse | ((failure: TopologyFailure) => FailureResponse);
  /**
   * Bytes of table updates that may be held back until the commit, so that only the last one of each key is
   * sent on (Kafka Streams' `statestore.cache.max.bytes`). 0 sends every update. Default: the runtime's.
   */
  readonly cacheBytesMax?: number;
}

const brand = Symbol.for('millrace.topology');

/** A finished topology: a graph of operators, cut into sub-topologies at its internal topics. */
export class Topology {
  readonly [brand] = true;
  /** Consumer group, and prefix of internal topics. */
  readonly applicationId: string;
  readonly options: TopologyOptions;
  /** @internal */
  readonly graph: TopologyGraph;
  /** @internal */
  readonly subTopologies: readonly SubTopology[];

  constructor(graph: TopologyGraph, options: TopologyOptions) {
    this.applicationId = graph.applicationId;
    this.options = options;
    this.graph = graph;
    this.subTopologies = graph.subTopologies();
  }

  /** The topology as text: sub-topologies, their operators and what these lead to. */
  describe(): string {
    const lines = [`Topology: ${this.applicationId}`];
    for (const { id, nodes } of this.subTopologies) {
      lines.push(`  Sub-topology: ${id}`);
      for (const node of nodes) lines.push(...describeNode(node));
    }
    return `${lines.join('\n')}\n`;
  }
}

function describeNode(node: GraphNode): string[] {
  const topic = node.topic === undefined ? '' : ` (topic: ${node.topic})`;
  const stores = node.storeNames.length === 0 ? '' : ` (stores: ${node.storeNames.join(', ')})`;
  const kind = `${node.kind[0]!.toUpperCase()}${node.kind.slice(1)}`;
  const lines = [`    ${kind}: ${node.name}${topic}${stores}`];
  if (node.children.length > 0) lines.push(`      --> ${node.children.map(({ name }) => name).join(', ')}`);
  return lines;
}

/** True for what `defineTopology` returned, also by another loaded copy of Millrace. */
export function isTopology(value: unknown): value is Topology {
  return typeof value === 'object' && value !== null && brand in value;
}

/**
 * Defines a stream-processing application. `applicationId` is its consumer group and begins the names of its
 * internal topics: keep it, and the names of stateful operators, and the state survives a changed topology.
 *
 * @example
 * ```ts
 * import { defineTopology } from 'millrace';
 * import { pageView } from '../events/visit.ts';
 *
 * export const activity = defineTopology('activity', (builder) => {
 *   builder
 *     .stream([pageView])
 *     .groupByKey()
 *     .windowedBy({ sizeMs: 60_000, graceMs: 10_000 })
 *     .count({ store: 'views_per_minute' });
 * });
 * ```
 */
export function defineTopology(
  applicationId: string,
  build: (builder: StreamsBuilder) => void,
  options: TopologyOptions = {},
): Topology {
  const graph = new TopologyGraph(applicationId);
  build(new GraphBuilder(graph) as unknown as StreamsBuilder);
  graph.check();
  return new Topology(graph, options);
}
