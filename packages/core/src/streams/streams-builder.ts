import { TableSourceOperator } from './aggregate-operators.ts';
import { isEventContract, type EventContract } from '../contract/index.ts';
import type { StreamsBuilder } from './dsl.ts';
import {
  addKeyValueStore,
  storeNames,
  type DslContext,
  type Erased,
  type OperatorOptions,
} from './dsl-parts.ts';
import { fail } from './errors.ts';
import { serdesOf, StreamNode } from './kstream.ts';
import { tableOverStore, type TableNode } from './ktable.ts';
import type { StoreHandle } from './processor.ts';
import { Serdes, type Serde } from './serde.ts';
import { EventSourceOperator, TopicSourceOperator, type TimestampExtractor } from './source-operators.ts';
import { EventTypeOperator } from './stateless-operators.ts';
import { checkName, type GraphNode, type TopologyGraph } from './topology-graph.ts';

/** How a topic is read: once per topology. */
type TopicUse =
  | { readonly kind: 'events'; readonly node: GraphNode; readonly contracts: Map<string, EventContract> }
  | {
      readonly kind: 'records';
      readonly node: GraphNode;
      readonly keySerde: Serde<unknown>;
      readonly valueSerde: Serde<unknown>;
      readonly timestampExtractor: TimestampExtractor | undefined;
    };

const noSerdes = { keySerde: undefined, valueSerde: undefined };

/** `StreamsBuilder` over a graph. Types are erased in here; the interface keeps them. */
export class GraphBuilder implements Erased<StreamsBuilder> {
  readonly #graph: TopologyGraph;
  readonly #context: DslContext;
  readonly #topics = new Map<string, TopicUse>();

  constructor(graph: TopologyGraph) {
    this.#graph = graph;
    this.#context = { graph, stream: (parts) => new StreamNode(parts) };
  }

  stream(source: string | readonly EventContract[], options: OperatorOptions = {}): StreamNode {
    return typeof source === 'string' ? this.#records(source, options) : this.#events(source, options);
  }

  table(topic: string, options: OperatorOptions = {}): TableNode {
    const names = storeNames(this.#graph, 'KTABLE-SOURCE', options);
    const serdes = serdesOf(options, noSerdes);
    const source = this.#recordSource(topic, { ...options, name: `${names.operator}-topic` });
    addKeyValueStore(this.#graph, { name: names.store, isQueryable: names.isQueryable, ...serdes });
    const node = this.#graph.add({
      name: names.operator,
      parents: [source],
      storeNames: [names.store],
      create: (scope) => new TableSourceOperator(names.operator, scope, names.store),
    });
    return tableOverStore({ context: this.#context, node, ...serdes }, names.store);
  }

  keyValueStore(name: string, options: OperatorOptions = {}): StoreHandle<unknown, unknown> {
    const serdes = serdesOf(options, noSerdes);
    addKeyValueStore(this.#graph, { name, isQueryable: true, ...serdes });
    return { name, ...serdes };
  }

  #records(topic: string, options: OperatorOptions): StreamNode {
    const node = this.#recordSource(topic, options);
    const serdes = serdesOf(options, noSerdes);
    return new StreamNode({ context: this.#context, node, ...serdes, isKeyChanged: false });
  }

  #recordSource(topic: string, options: OperatorOptions): GraphNode {
    checkName(topic, 'topic');
    const { keySerde, valueSerde } = serdesOf(options, noSerdes);
    const { timestampExtractor } = options;
    const use = this.#topics.get(topic);
    if (use !== undefined) {
      const agrees =
        use.kind === 'records' &&
        use.keySerde === keySerde &&
        use.valueSerde === valueSerde &&
        use.timestampExtractor === timestampExtractor;
      if (!agrees) throw this.#conflict(topic);
      return use.node;
    }
    const name = this.#graph.nameFor('KSTREAM-SOURCE', options.name);
    const node = this.#graph.add({
      name,
      kind: 'source',
      topic,
      parents: [],
      create: (scope) => {
        return new TopicSourceOperator(name, scope, { topic, keySerde, valueSerde, timestampExtractor });
      },
    });
    this.#topics.set(topic, { kind: 'records', node, keySerde, valueSerde, timestampExtractor });
    return node;
  }

  #events(contracts: readonly EventContract[], options: OperatorOptions): StreamNode {
    for (const contract of contracts) {
      if (!isEventContract(contract)) {
        throw fail('STREAMS_UNKNOWN_CONTRACT', {
          message: `Topology '${this.#graph.applicationId}' reads something that defineEvent did not make.`,
        });
      }
    }
    const topics = [...new Set(contracts.map(({ topic }) => topic))];
    if (topics.length === 0) {
      throw fail('STREAMS_UNKNOWN_CONTRACT', {
        message: `Topology '${this.#graph.applicationId}' has a stream of no contract.`,
      });
    }
    const sources = topics.map((topic) => this.#eventSource(topic, contracts));
    const types = new Set(contracts.map((contract) => contract.name));
    const name = this.#graph.nameFor('KSTREAM-EVENTS', options.name);
    const node = this.#graph.add({
      name,
      parents: sources,
      create: (scope) => new EventTypeOperator(name, scope, types),
    });
    return new StreamNode({
      context: this.#context,
      node,
      keySerde: Serdes.string,
      valueSerde: Serdes.json(),
      isKeyChanged: false,
    });
  }

  #eventSource(topic: string, contracts: readonly EventContract[]): GraphNode {
    let use = this.#topics.get(topic);
    if (use?.kind === 'records') throw this.#conflict(topic);
    if (use === undefined) {
      const known = new Map<string, EventContract>();
      const name = this.#graph.nameFor('KSTREAM-SOURCE', undefined);
      const node = this.#graph.add({
        name,
        kind: 'source',
        topic,
        parents: [],
        create: (scope) => new EventSourceOperator(name, scope, { topic, contracts: known }),
      });
      use = { kind: 'events', node, contracts: known };
      this.#topics.set(topic, use);
    }
    for (const contract of contracts)
      if (contract.topic === topic) use.contracts.set(contract.name, contract);
    return use.node;
  }

  #conflict(topic: string): Error {
    return fail('STREAMS_SOURCE_CONFLICT', {
      message: `Topology '${this.#graph.applicationId}' reads topic '${topic}' in two ways.`,
      details: { application: this.#graph.applicationId, topic },
    });
  }
}
