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
import type { KGroupedStream } from './dsl.ts';
import { tableOverStore, type TableNode } from './ktable.ts';
import type { Operator, TaskScope } from './operator.ts';
import { Serdes, type Serde } from './serde.ts';
import { SessionWindowedStreamNode } from './session-windowed-stream.ts';
import type { GraphNode } from './topology-graph.ts';
import { TimeWindowedStreamNode } from './time-windowed-stream.ts';
import { checkSessionWindows, checkWindows, type SessionWindows, type TimeWindows } from './windows.ts';

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
