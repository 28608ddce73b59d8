import { counting, type Aggregation, type ReduceOptions } from './aggregate-operators.ts';
import type { Erased, OperatorOptions, StreamGroup, TablePlan } from './dsl-parts.ts';
import type { TimeWindowedKStream } from './dsl.ts';
import type { TableNode } from './ktable.ts';
import type { GraphNode } from './topology-graph.ts';
import { WindowStateStore } from './window-store.ts';
import { WindowedAggregateOperator } from './windowed-aggregate-operator.ts';
import { addWindowedTable } from './windowed-table.ts';
import { windowedSerde, type TimeWindows } from './windows.ts';

/** `TimeWindowedKStream` over a graph. */
export class TimeWindowedStreamNode implements Erased<TimeWindowedKStream<unknown, unknown>> {
  readonly #group: StreamGroup;
  readonly #windows: TimeWindows;

  constructor(group: StreamGroup, windows: TimeWindows) {
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
    const { sizeMs, graceMs } = windows;
    return addWindowedTable<WindowStateStore>(this.#group.parts, {
      ...plan,
      retentionMsMin: sizeMs + graceMs,
      closesAfterMs: graceMs,
      windowedSerde: (keySerde) => windowedSerde(keySerde, sizeMs),
      createStore: (options) => new WindowStateStore({ ...options, sizeMs }),
      createOperator: ({ name, storeName }, scope) =>
        new WindowedAggregateOperator(name, scope, { ...aggregation, storeName, windows }),
      rowOf: (store, { key, startMs }) => store.entry(key, startMs).value,
    });
  }
}
