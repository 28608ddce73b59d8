import {
  addKeyValueStore,
  addRepartition,
  storeNames,
  type Erased,
  type OperatorOptions,
  type StreamParts,
} from './dsl-parts.ts';
import type { Branches, KStream } from './dsl.ts';
import { TableSourceOperator } from './aggregate-operators.ts';
import { fail } from './errors.ts';
import { GroupedStreamNode } from './grouped-stream.ts';
import { StreamTableJoinOperator, type StreamTableJoinOptions } from './join-operator.ts';
import { checkJoinWindows } from './join-windows.ts';
import type { TableNode } from './ktable.ts';
import { tableOverStore } from './ktable.ts';
import type { Operator, TaskScope } from './operator.ts';
import type { FixedKeyProcessorSupplier, ProcessorSupplier } from './processor.ts';
import {
  fixedKeyProcessorContext,
  processorContext,
  ProcessorOperator,
  type ProcessorOperatorOptions,
} from './processor-operator.ts';
import { Serdes, type Serde } from './serde.ts';
import { SinkOperator } from './sink-operators.ts';
import { branchNames, DEFAULT_BRANCH, SplitOperator } from './split-operator.ts';
import {
  FilterNotOperator,
  FilterOperator,
  FlatMapOperator,
  FlatMapValuesOperator,
  MapOperator,
  MapValuesOperator,
  PassOperator,
  PeekOperator,
  SelectKeyOperator,
  type RecordFunction,
} from './stateless-operators.ts';
import { addStreamJoin } from './stream-join-operator.ts';
import { checkName, type GraphNode } from './topology-graph.ts';

type AnyFunction<Result> = RecordFunction<unknown, unknown, Result>;
type Joiner = StreamTableJoinOptions['joiner'];

/** What an operator does to its stream's key and value. */
interface Effect {
  readonly changesKey?: boolean;
  readonly changesValue?: boolean;
}

/** `KStream` over a graph. Types are erased in here; the interface keeps them. */
export class StreamNode implements Erased<KStream<unknown, unknown>> {
  readonly parts: StreamParts;

  constructor(parts: StreamParts) {
    this.parts = parts;
  }

  filter(predicate: AnyFunction<boolean>, options: OperatorOptions = {}): StreamNode {
    return this.#derive(
      'KSTREAM-FILTER',
      options,
      (name, scope) => new FilterOperator(name, scope, predicate),
    );
  }

  filterNot(predicate: AnyFunction<boolean>, options: OperatorOptions = {}): StreamNode {
    return this.#derive(
      'KSTREAM-FILTER',
      options,
      (name, scope) => new FilterNotOperator(name, scope, predicate),
    );
  }

  map(mapper: AnyFunction<readonly [unknown, unknown]>, options: OperatorOptions = {}): StreamNode {
    const create = (name: string, scope: TaskScope) => new MapOperator(name, scope, mapper);
    return this.#derive('KSTREAM-MAP', options, create, { changesKey: true, changesValue: true });
  }

  mapValues(mapper: AnyFunction<unknown>, options: OperatorOptions = {}): StreamNode {
    const create = (name: string, scope: TaskScope) => new MapValuesOperator(name, scope, mapper);
    return this.#derive('KSTREAM-MAPVALUES', options, create, { changesValue: true });
  }

  flatMap(
    mapper: AnyFunction<Iterable<readonly [unknown, unknown]>>,
    options: OperatorOptions = {},
  ): StreamNode {
    const create = (name: string, scope: TaskScope) => new FlatMapOperator(name, scope, mapper);
    return this.#derive('KSTREAM-FLATMAP', options, create, { changesKey: true, changesValue: true });
  }

  flatMapValues(mapper: AnyFunction<Iterable<unknown>>, options: OperatorOptions = {}): StreamNode {
    const create = (name: string, scope: TaskScope) => new FlatMapValuesOperator(name, scope, mapper);
    return this.#derive('KSTREAM-FLATMAPVALUES', options, create, { changesValue: true });
  }

  selectKey(mapper: AnyFunction<unknown>, options: OperatorOptions = {}): StreamNode {
    const create = (name: string, scope: TaskScope) => new SelectKeyOperator(name, scope, mapper);
    return this.#derive('KSTREAM-KEY-SELECT', options, create, { changesKey: true });
  }

  peek(action: AnyFunction<void>, options: OperatorOptions = {}): StreamNode {
    return this.#derive('KSTREAM-PEEK', options, (name, scope) => new PeekOperator(name, scope, action));
  }

  forEach(action: AnyFunction<void>, options: OperatorOptions = {}): void {
    this.#derive('KSTREAM-FOREACH', options, (name, scope) => new PeekOperator(name, scope, action));
  }

  split(branches: Branches<unknown, unknown>, options: OperatorOptions = {}): Record<string, StreamNode> {
    const names = branchNames(branches);
    const predicates = Object.values(branches);
    const create = (name: string, scope: TaskScope) => new SplitOperator(name, scope, predicates);
    const split = this.#derive('KSTREAM-SPLIT', options, create);
    const entries = [...names, DEFAULT_BRANCH].map((branch) => {
      const name = `${split.parts.node.name}-${branch}`;
      return [branch, split.#derive(name, { name }, (_, scope) => new PassOperator(name, scope))] as const;
    });
    return Object.fromEntries(entries);
  }

  merge(other: StreamNode, options: OperatorOptions = {}): StreamNode {
    const { parts } = this;
    const otherParts = other.parts;
    if (otherParts.context !== parts.context) throw foreign('merge');
    const name = parts.context.graph.nameFor('KSTREAM-MERGE', options.name);
    const node = parts.context.graph.add({
      name,
      parents: [parts.node, otherParts.node],
      create: (scope) => new PassOperator(name, scope),
    });
    return new StreamNode({
      ...parts,
      node,
      valueSerde: parts.valueSerde === otherParts.valueSerde ? parts.valueSerde : undefined,
      isKeyChanged: parts.isKeyChanged || otherParts.isKeyChanged,
    });
  }

  repartition(options: OperatorOptions = {}): StreamNode {
    const name = this.parts.context.graph.nameFor('KSTREAM-REPARTITION', options.name);
    return this.#repartitioned({ name, options, partitions: options.partitions });
  }

  groupByKey(options: OperatorOptions = {}): GroupedStreamNode {
    return this.#group(this.parts, options);
  }

  groupBy(selector: AnyFunction<unknown>, options: OperatorOptions = {}): GroupedStreamNode {
    const selectorName = options.name === undefined ? {} : { name: `${options.name}-select` };
    const rekeyed = this.selectKey(selector, selectorName);
    return this.#group(rekeyed.parts, options);
  }

  #group(parts: StreamParts, options: OperatorOptions): GroupedStreamNode {
    const name = parts.context.graph.nameFor('KSTREAM-GROUP', options.name);
    if (options.name !== undefined) checkName(options.name, 'operator name');
    const serdes = serdesOf(options, parts);
    return new GroupedStreamNode({ stream: { ...parts, ...serdes }, name, ...serdes });
  }

  toTable(options: OperatorOptions = {}): TableNode {
    const { graph } = this.parts.context;
    const names = storeNames(graph, 'KSTREAM-TOTABLE', options);
    const serdes = serdesOf(options, this.parts);
    const { parts } = this.parts.isKeyChanged
      ? this.#repartitioned({ name: names.operator, options, partitions: undefined })
      : this;
    addKeyValueStore(graph, { name: names.store, isQueryable: names.isQueryable, ...serdes });
    const node = graph.add({
      name: names.operator,
      parents: [parts.node],
      storeNames: [names.store],
      create: (scope) => new TableSourceOperator(names.operator, scope, names.store),
    });
    return tableOverStore({ context: parts.context, node, ...serdes }, names.store);
  }

  join(other: TableNode | StreamNode, joiner: Joiner, options: OperatorOptions = {}): StreamNode {
    return other instanceof StreamNode
      ? this.#joinStream(other, joiner, options)
      : this.#join(other, options, { joiner, isLeft: false });
  }

  leftJoin(table: TableNode, joiner: Joiner, options: OperatorOptions = {}): StreamNode {
    return this.#join(table, options, { joiner, isLeft: true });
  }

  #join(
    table: TableNode,
    options: OperatorOptions,
    join: Omit<StreamTableJoinOptions, 'getter'>,
  ): StreamNode {
    const tableParts = table.parts;
    const { context } = this.parts;
    if (tableParts.context !== context) throw foreign('join');
    const name = context.graph.nameFor(join.isLeft ? 'KSTREAM-LEFTJOIN' : 'KSTREAM-JOIN', options.name);
    const { parts } = this.parts.isKeyChanged
      ? this.#repartitioned({ name, options, partitions: undefined })
      : this;
    const node = context.graph.add({
      name,
      parents: [parts.node],
      storeNames: tableParts.storeNames,
      acceptsNullKeys: join.isLeft,
      create: (scope) => {
        return new StreamTableJoinOperator(name, scope, { ...join, getter: tableParts.getter(scope) });
      },
    });
    return new StreamNode({ ...parts, node, valueSerde: undefined });
  }

  #joinStream(other: StreamNode, joiner: Joiner, options: OperatorOptions): StreamNode {
    const { context } = this.parts;
    if (other.parts.context !== context) throw foreign('join');
    const name = context.graph.nameFor('KSTREAM-JOIN', options.name);
    const windows = checkJoinWindows(options.windows, name);
    const side = (stream: StreamNode, sideName: string, valueSerde: Serde<unknown> | undefined) => {
      const sideOptions = { ...options, valueSerde } as OperatorOptions;
      const plan = { name: sideName, options: sideOptions, partitions: undefined };
      const { parts } = stream.parts.isKeyChanged ? stream.#repartitioned(plan) : stream;
      return { name: sideName, node: parts.node, ...serdesOf(sideOptions, parts) };
    };
    const left = side(this, `${name}-this`, options.valueSerde);
    const right = side(other, `${name}-other`, options.otherValueSerde);
    const node = addStreamJoin(context.graph, { name, left, right, windows, joiner });
    const { keySerde } = left;
    return new StreamNode({ context, node, keySerde, valueSerde: undefined, isKeyChanged: false });
  }

  process(
    supplier: ProcessorSupplier<unknown, unknown, unknown, unknown>,
    options: OperatorOptions = {},
  ): StreamNode {
    const create = (operator: ProcessorOperator) => supplier(processorContext(operator));
    return this.#process('KSTREAM-PROCESSOR', options, create);
  }

  processValues(
    supplier: FixedKeyProcessorSupplier<unknown, unknown, unknown>,
    options: OperatorOptions = {},
  ): StreamNode {
    const create = (operator: ProcessorOperator) => supplier(fixedKeyProcessorContext(operator));
    return this.#process('KSTREAM-PROCESSVALUES', options, create);
  }

  #process(
    role: 'KSTREAM-PROCESSOR' | 'KSTREAM-PROCESSVALUES',
    options: OperatorOptions,
    createProcessor: ProcessorOperatorOptions['createProcessor'],
  ): StreamNode {
    const { parts } = this;
    const name = parts.context.graph.nameFor(role, options.name);
    const opened = (options.stores ?? []).map((store) => store.name);
    const node = parts.context.graph.add({
      name,
      parents: [parts.node],
      storeNames: opened,
      create: (scope) => new ProcessorOperator(name, scope, { storeNames: opened, createProcessor }),
    });
    const changesKey = role === 'KSTREAM-PROCESSOR';
    return new StreamNode(changed(parts, node, { changesKey, changesValue: true }));
  }

  to(topic: string, options: OperatorOptions = {}): void {
    checkName(topic, 'topic');
    const { graph } = this.parts.context;
    const name = graph.nameFor('KSTREAM-SINK', options.name);
    const serdes = serdesOf(options, this.parts);
    graph.add({
      name,
      kind: 'sink',
      topic,
      parents: [this.parts.node],
      create: (scope) => new SinkOperator(name, scope, { topic, ...serdes }),
    });
  }

  // oxlint-disable-next-line max-params -- private: an options object would only repeat these four
  #derive(
    role: string,
    options: OperatorOptions,
    create: (name: string, scope: TaskScope) => Operator,
    effect: Effect = {},
  ): StreamNode {
    const { graph } = this.parts.context;
    const name = graph.nameFor(role, options.name);
    const node = graph.add({ name, parents: [this.parts.node], create: (scope) => create(name, scope) });
    return new StreamNode(changed(this.parts, node, effect));
  }

  #repartitioned(plan: {
    readonly name: string;
    readonly options: OperatorOptions;
    readonly partitions: number | undefined;
  }): StreamNode {
    const serdes = serdesOf(plan.options, this.parts);
    const node = addRepartition(this.parts, {
      name: plan.name,
      keySerde: serdes.keySerde,
      valueSerde: () => serdes.valueSerde,
      partitions: plan.partitions,
    });
    return new StreamNode({ context: this.parts.context, node, ...serdes, isKeyChanged: false });
  }
}

function changed(parts: StreamParts, node: GraphNode, effect: Effect): StreamParts {
  const { changesKey = false, changesValue = false } = effect;
  return {
    context: parts.context,
    node,
    keySerde: changesKey ? undefined : parts.keySerde,
    valueSerde: changesValue ? undefined : parts.valueSerde,
    isKeyChanged: parts.isKeyChanged || changesKey,
  };
}

/** The option's serdes, else the stream's, else text and JSON. */
export function serdesOf(
  options: OperatorOptions,
  parts: Pick<StreamParts, 'keySerde' | 'valueSerde'>,
): { readonly keySerde: Serde<unknown>; readonly valueSerde: Serde<unknown> } {
  return {
    keySerde: options.keySerde ?? parts.keySerde ?? Serdes.string,
    valueSerde: options.valueSerde ?? parts.valueSerde ?? Serdes.json(),
  };
}

function foreign(operation: string): Error {
  return fail('STREAMS_BAD_OPTION', {
    message: `A stream can only ${operation} with what the same builder made.`,
    details: { operation },
  });
}
