import {
  AggregateOperator,
  counting,
  ReduceOperator,
  type Aggregation,
  type ReduceOptions,
} from './aggregate-operators.ts';
import {
  addKeyValueStore,
  addRepartition,
  storeNames,
  type Erased,
  type GroupedParts,
  type OperatorOptions,
  type StoreNames,
  type TablePlan,
} from './dsl-parts.ts';
import type { KGroupedStream, TimeWindowedKStream } from './dsl.ts';
import { TableNode, tableOverStore } from './ktable.ts';
import type { Operator, TaskScope } from './operator.ts';
import { Serdes, type Serde } from './serde.ts';
import { SessionWindowedStreamNode } from './session-windowed-stream.ts';
import type { GraphNode } from './topology-graph.ts';
import { WindowStateStore } from './window-store.ts';
import { WindowedAggregateOperator } from './windowed-aggregate-operator.ts';
import {
  checkWindows,
  Windowed,
  windowedSerde,
  type TimeWindows,
  checkSessionWindows,
  retentionOf,
  type SessionWindows,
} from './windows.ts';

const nothing = new Uint8Array(0);

/** For values that nobody looks at: counts need to know only that there was one. */
const presenceSerde: Serde<unknown> = { serialize: () => nothing, deserialize: () => true };

/** `KGroupedStream` over a graph. Types are erased in here; the interface keeps them. */
export class GroupedStreamNode implements Erased<KGroupedStream<unknown, unknown>> {
  readonly parts: GroupedParts;
  #node: GraphNode | undefined;
  #needsValues = false;

  constructor(parts: GroupedParts) {
    this.parts = parts;
  }

  count(options: OperatorOptions = {}): TableNode {
    return this.#aggregated({ role: 'KSTREAM-COUNT', options, valueSerde: options.valueSerde }, counting);
  }

  reduce(reducer: ReduceOptions['reducer'], options: OperatorOptions = {}): TableNode {
    this.#needsValues = true;
    const table = {
      role: 'KSTREAM-REDUCE',
      options,
      valueSerde: options.valueSerde ?? this.parts.valueSerde,
    };
    return this.#materialized(table, (names, scope) => {
      const reduceOptions: ReduceOptions = { storeName: names.store, reducer };
      return new ReduceOperator(names.operator, scope, reduceOptions);
    });
  }

  aggregate(
    initializer: () => unknown,
    aggregator: Aggregation['aggregator'],
    options: OperatorOptions = {},
  ): TableNode {
    this.#needsValues = true;
    const table = { role: 'KSTREAM-AGGREGATE', options, valueSerde: options.valueSerde };
    return this.#aggregated(table, { initializer, aggregator });
  }

  windowedBy(windows: TimeWindows | SessionWindows): TimeWindowedStreamNode | SessionWindowedStreamNode {
    if ('inactivityGapMs' in windows) {
      checkSessionWindows(windows);
      return new SessionWindowedStreamNode(this, windows);
    }
    checkWindows(windows);
    return new TimeWindowedStreamNode(this, windows);
  }

  /** The node to aggregate after: behind one repartition topic for all aggregates of the group. */
  node(needsValues: boolean): GraphNode {
    if (needsValues) this.#needsValues = true;
    const { stream, name, keySerde, valueSerde } = this.parts;
    if (!stream.isKeyChanged) return stream.node;
    this.#node ??= addRepartition(stream, {
      name,
      keySerde,
      valueSerde: () => (this.#needsValues ? valueSerde : presenceSerde),
      partitions: undefined,
      keepsNullKeys: false,
    });
    return this.#node;
  }

  #aggregated(table: TablePlan, aggregation: Aggregation): TableNode {
    return this.#materialized(table, (names, scope) => {
      return new AggregateOperator(names.operator, scope, { ...aggregation, storeName: names.store });
    });
  }

  #materialized(table: TablePlan, create: (names: StoreNames, scope: TaskScope) => Operator): TableNode {
    const { context } = this.parts.stream;
    const names = storeNames(context.graph, table.role, table.options);
    const keySerde = table.options.keySerde ?? this.parts.keySerde;
    const valueSerde = table.valueSerde ?? Serdes.json();
    addKeyValueStore(context.graph, {
      name: names.store,
      isQueryable: names.isQueryable,
      keySerde,
      valueSerde,
    });
    const node = context.graph.add({
      name: names.operator,
      parents: [this.node(false)],
      storeNames: [names.store],
      create: (scope) => create(names, scope),
    });
    return tableOverStore({ context, node, keySerde, valueSerde }, names.store);
  }
}

/** `TimeWindowedKStream` over a graph. */
export class TimeWindowedStreamNode implements Erased<TimeWindowedKStream<unknown, unknown>> {
  readonly #group: GroupedStreamNode;
  readonly #windows: TimeWindows;

  constructor(group: GroupedStreamNode, windows: TimeWindows) {
    this.#group = group;
    this.#windows = windows;
  }

  count(options: OperatorOptions = {}): TableNode {
    const node = this.#group.node(false);
    return this.#materialized(
      { role: 'KSTREAM-COUNT', options, valueSerde: options.valueSerde, node },
      counting,
    );
  }

  reduce(reducer: ReduceOptions['reducer'], options: OperatorOptions = {}): TableNode {
    const valueSerde = options.valueSerde ?? this.#group.parts.valueSerde;
    const plan = { role: 'KSTREAM-REDUCE', options, valueSerde, node: this.#group.node(true) };
    return this.#materialized(plan, {
      initializer: () => null,
      aggregator: (aggregate, value) => (aggregate === null ? value : reducer(aggregate, value)),
    });
  }

  aggregate(
    initializer: () => unknown,
    aggregator: Aggregation['aggregator'],
    options: OperatorOptions = {},
  ): TableNode {
    const node = this.#group.node(true);
    const plan = { role: 'KSTREAM-AGGREGATE', options, valueSerde: options.valueSerde, node };
    return this.#materialized(plan, { initializer, aggregator });
  }

  #materialized(plan: TablePlan & { readonly node: GraphNode }, aggregation: Aggregation): TableNode {
    const windows = this.#windows;
    const { parts } = this.#group;
    const { context } = parts.stream;
    const names = storeNames(context.graph, plan.role, plan.options);
    const keySerde = plan.options.keySerde ?? parts.keySerde;
    const valueSerde = plan.valueSerde ?? Serdes.json();
    const retentionMs = retentionOf(
      plan.options.retentionMs,
      windows.sizeMs + windows.graceMs,
      names.operator,
    );
    const { sizeMs } = windows;
    context.graph.addStore({
      name: names.store,
      isQueryable: names.isQueryable,
      create: () => new WindowStateStore({ name: names.store, keySerde, valueSerde, sizeMs, retentionMs }),
    });
    const node = context.graph.add({
      name: names.operator,
      parents: [plan.node],
      storeNames: [names.store],
      create: (scope) => {
        const options = { ...aggregation, storeName: names.store, windows };
        return new WindowedAggregateOperator(names.operator, scope, options);
      },
    });
    return new TableNode({
      context,
      node,
      keySerde: windowedSerde(keySerde, sizeMs) as Serde<unknown>,
      valueSerde,
      storeNames: [names.store],
      closesAfterMs: windows.graceMs,
      getter: (scope) => {
        const store = scope.store<WindowStateStore>(names.store);
        return (key) => (key instanceof Windowed ? store.entry(key.key, key.startMs).value : null);
      },
    });
  }
}
