import { KeyValueStateStore } from './key-value-store.ts';
import type { ValueGetter } from './join-operator.ts';
import type { JoinWindows } from './join-windows.ts';
import type { TaskScope } from './operator.ts';
import { RepartitionOperator } from './sink-operators.ts';
import { RepartitionSourceOperator, type TimestampExtractor } from './source-operators.ts';
import type { Serde } from './serde.ts';
import type { GraphNode, TopologyGraph } from './topology-graph.ts';

/** What all parts of one topology's DSL share. `stream` is passed in, so that tables can make streams. */
export interface DslContext {
  readonly graph: TopologyGraph;
  readonly stream: (parts: StreamParts) => unknown;
}

/** All options of the DSL's operators, without their types: those live in the interfaces of `dsl.ts`. */
export interface OperatorOptions {
  readonly name?: string;
  readonly store?: string;
  readonly keySerde?: Serde<unknown>;
  readonly valueSerde?: Serde<unknown>;
  readonly partitions?: number;
  readonly retentionMs?: number;
  readonly windows?: JoinWindows;
  readonly otherValueSerde?: Serde<unknown>;
  readonly timestampExtractor?: TimestampExtractor;
  readonly stores?: readonly { readonly name: string }[];
}

/** Every method of an interface, without its types. */
export type Erased<Interface> = Record<keyof Interface, unknown>;

/** What is behind a KStream. Serdes are undefined where an operator has changed the type. */
export interface StreamParts {
  readonly context: DslContext;
  readonly node: GraphNode;
  readonly keySerde: Serde<unknown> | undefined;
  readonly valueSerde: Serde<unknown> | undefined;
  /** True when the key may not fit the partition any more. */
  readonly isKeyChanged: boolean;
}

/** What is behind a KGroupedStream. */
export interface GroupedParts {
  readonly stream: StreamParts;
  readonly name: string;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
}

/** A grouped stream as its windowed kinds see it. */
export interface StreamGroup {
  readonly parts: GroupedParts;
  /** The node to aggregate after. */
  node(needsValues: boolean): GraphNode;
}

/** What is behind a KTable. */
export interface TableParts {
  readonly context: DslContext;
  readonly node: GraphNode;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown> | undefined;
  /** The stores that `getter` reads. */
  readonly storeNames: readonly string[];
  readonly getter: (scope: TaskScope) => ValueGetter;
  /** How long after its end a window of the table still changes; undefined for tables without windows. */
  readonly closesAfterMs?: number;
}

/** Names of a stateful operator and its store. */
export interface StoreNames {
  readonly operator: string;
  readonly store: string;
  readonly isQueryable: boolean;
}

export function storeNames(graph: TopologyGraph, role: string, options: OperatorOptions): StoreNames {
  const operator = graph.nameFor(role, options.name ?? options.store);
  const store = options.store ?? `${operator}-store`;
  return { operator, store, isQueryable: options.store !== undefined };
}

/** What is known of a table before its store is named. */
export interface TablePlan {
  readonly role: string;
  readonly options: OperatorOptions;
  readonly valueSerde: Serde<unknown> | undefined;
}

export interface KeyValueStoreOptions {
  readonly name: string;
  readonly isQueryable: boolean;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
}

export function addKeyValueStore(graph: TopologyGraph, options: KeyValueStoreOptions): void {
  const { name, isQueryable, keySerde, valueSerde } = options;
  graph.addStore({
    name,
    isQueryable,
    create: () => new KeyValueStateStore({ name, keySerde, valueSerde }),
  });
}

export interface RepartitionPlan {
  readonly name: string;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: () => Serde<unknown>;
  readonly partitions: number | undefined;
}

/** Cuts the graph below `parent` with an internal topic; returns the source behind it. */
export function addRepartition(parts: StreamParts, plan: RepartitionPlan): GraphNode {
  const { graph } = parts.context;
  const { keySerde } = plan;
  const topic = graph.internalTopic(plan.name, 'repartition');
  const sink = graph.add({
    name: `${plan.name}-repartition-sink`,
    kind: 'sink',
    topic,
    parents: [parts.node],
    create: (scope) => {
      const keepsNullKeys = leadsToLeftJoin(graph, source);
      const options = { topic, keySerde, valueSerde: plan.valueSerde(), keepsNullKeys };
      return new RepartitionOperator(`${plan.name}-repartition-sink`, scope, options);
    },
  });
  const source = graph.add({
    name: `${plan.name}-repartition-source`,
    kind: 'source',
    topic,
    parents: [],
    create: (scope) => {
      const options = { topic, keySerde, valueSerde: plan.valueSerde() };
      return new RepartitionSourceOperator(`${plan.name}-repartition-source`, scope, options);
    },
  });
  graph.addRepartitionTopic({ topic, partitions: plan.partitions, sink, source });
  return source;
}

/** True when a left join comes later, behind further internal topics too: it wants null keys (KIP-962). */
function leadsToLeftJoin(graph: TopologyGraph, node: GraphNode): boolean {
  return node.children.some((child) => {
    const next = graph.repartitionTopics.find(({ sink }) => sink === child)?.source ?? child;
    return child.acceptsNullKeys || leadsToLeftJoin(graph, next);
  });
}
