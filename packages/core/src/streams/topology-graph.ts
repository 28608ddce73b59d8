import { fail } from './errors.ts';
import type { Operator, TaskScope } from './operator.ts';
import type { StateStore } from './state-store.ts';

/** One step of a topology, for all its tasks. */
export interface GraphNode {
  readonly name: string;
  readonly kind: 'source' | 'processor' | 'sink';
  /** What a source reads or a sink writes. */
  readonly topic: string | undefined;
  readonly parents: readonly GraphNode[];
  readonly children: GraphNode[];
  /** Stores that the operator opens. */
  readonly storeNames: readonly string[];
  /** True for left joins: they have a use for records without key. */
  readonly acceptsNullKeys: boolean;
  readonly create: (scope: TaskScope) => Operator;
}

export interface NodeDefinition {
  readonly name: string;
  readonly kind?: GraphNode['kind'];
  readonly topic?: string;
  readonly parents: readonly GraphNode[];
  readonly storeNames?: readonly string[];
  readonly acceptsNullKeys?: boolean;
  readonly create: (scope: TaskScope) => Operator;
}

export interface StoreDefinition {
  readonly name: string;
  readonly isQueryable: boolean;
  readonly create: () => StateStore;
}

/** An internal topic between two sub-topologies. */
export interface RepartitionTopic {
  readonly topic: string;
  /** Undefined: as many as upstream has, or as co-partitioning asks for. */
  readonly partitions: number | undefined;
  readonly sink: GraphNode;
  readonly source: GraphNode;
}

/** A part of the topology that one task runs for one partition. */
export interface SubTopology {
  readonly id: number;
  /** Parents before children. */
  readonly nodes: readonly GraphNode[];
  readonly sources: readonly GraphNode[];
  /**
   * Without stores, nothing depends on which key lies in which partition: joins are with tables, which have
   * one.
   */
  readonly stores: readonly StoreDefinition[];
}

const NAME = /^[A-Za-z0-9._-]{1,120}$/;

/** The nodes, stores and internal topics of a topology under construction. */
export class TopologyGraph {
  readonly applicationId: string;
  readonly nodes: GraphNode[] = [];
  readonly repartitionTopics: RepartitionTopic[] = [];
  readonly #names = new Set<string>();
  readonly #stores = new Map<string, StoreDefinition>();
  #count = 0;

  constructor(applicationId: string) {
    checkName(applicationId, 'application id');
    this.applicationId = applicationId;
  }

  /** The given name, or one made of the role and a number, as Kafka Streams does. */
  nameFor(role: string, given: string | undefined): string {
    if (given === undefined) return `${role}-${String(this.#count++).padStart(10, '0')}`;
    checkName(given, 'operator name');
    return given;
  }

  add(definition: NodeDefinition): GraphNode {
    const { name, kind = 'processor', topic, parents, storeNames = [], create } = definition;
    const { acceptsNullKeys = false } = definition;
    if (this.#names.has(name)) throw duplicate('operator', name, this.applicationId);
    this.#names.add(name);
    const children: GraphNode[] = [];
    const node: GraphNode = { name, kind, topic, parents, children, storeNames, acceptsNullKeys, create };
    for (const parent of parents) parent.children.push(node);
    this.nodes.push(node);
    return node;
  }

  addStore(store: StoreDefinition): void {
    checkName(store.name, 'store name');
    if (this.#stores.has(store.name)) throw duplicate('store', store.name, this.applicationId);
    this.#stores.set(store.name, store);
  }

  addRepartitionTopic(topic: RepartitionTopic): void {
    this.repartitionTopics.push(topic);
  }

  get stores(): readonly StoreDefinition[] {
    return [...this.#stores.values()];
  }

  internalTopic(name: string, suffix: 'repartition' | 'changelog'): string {
    return `${this.applicationId}-${name}-${suffix}`;
  }

  isRepartitionTopic(topic: string): boolean {
    return this.repartitionTopics.some((each) => each.topic === topic);
  }

  /** Topics that others write to. */
  externalSourceTopics(): string[] {
    const topics = this.nodes.filter(({ kind }) => kind === 'source').map(({ topic }) => topic!);
    return topics.filter((topic) => !this.isRepartitionTopic(topic));
  }

  sinkTopics(): string[] {
    const topics = this.nodes.filter(({ kind }) => kind === 'sink').map(({ topic }) => topic!);
    return [...new Set(topics.filter((topic) => !this.isRepartitionTopic(topic)))];
  }

  /** Cuts the graph at its internal topics: what is connected, by an edge or by a store, runs in one task. */
  subTopologies(): SubTopology[] {
    const groups = this.#connected();
    return groups.map((nodes, id) => {
      const storeNames = new Set(nodes.flatMap((node) => node.storeNames));
      const sources = nodes.filter(({ kind }) => kind === 'source');
      const stores = [...storeNames].map((name) => this.#stores.get(name)!);
      return { id, nodes, sources, stores };
    });
  }

  #connected(): GraphNode[][] {
    const groupOf = new Map<GraphNode, GraphNode[]>();
    const join = (one: GraphNode, other: GraphNode) => {
      const target = groupOf.get(one)!;
      const source = groupOf.get(other)!;
      if (target === source) return;
      for (const node of source) {
        target.push(node);
        groupOf.set(node, target);
      }
    };
    const owners = new Map<string, GraphNode>();
    for (const node of this.nodes) {
      groupOf.set(node, [node]);
      for (const parent of node.parents) join(parent, node);
      for (const name of node.storeNames) {
        const owner = owners.get(name);
        if (owner === undefined) owners.set(name, node);
        else join(owner, node);
      }
    }
    // Nodes were added parents first; that order is kept within and between the groups.
    const order = new Map(this.nodes.map((node, index) => [node, index]));
    const groups = [...new Set(groupOf.values())];
    for (const group of groups) group.sort((one, other) => order.get(one)! - order.get(other)!);
    return groups.toSorted((one, other) => order.get(one[0]!)! - order.get(other[0]!)!);
  }

  /** Refuses a graph that nothing flows into, and stores that nobody opens. */
  check(): void {
    if (this.nodes.some(({ kind }) => kind === 'source')) return;
    throw fail('STREAMS_EMPTY_TOPOLOGY', {
      message: `Topology '${this.applicationId}' reads no topic.`,
      details: { application: this.applicationId },
    });
  }
}

/** `STREAMS_BAD_NAME` for what cannot be part of a topic's name. */
export function checkName(name: string, what: string): void {
  if (typeof name === 'string' && NAME.test(name) && name !== '.' && name !== '..') return;
  throw fail('STREAMS_BAD_NAME', {
    message: `'${name}' cannot be a ${what}: letters, digits, dots, dashes and underscores, at most 120.`,
    details: { name, what },
  });
}

function duplicate(what: string, name: string, application: string): Error {
  return fail('STREAMS_DUPLICATE_NAME', {
    message: `Topology '${application}' has two ${what}s named '${name}'.`,
    details: { application, name },
  });
}
