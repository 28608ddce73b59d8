import { counting, type ReduceOptions } from './aggregate-operators.ts';
import type { Erased, OperatorOptions, StreamGroup, TablePlan } from './dsl-parts.ts';
import type { SessionWindowedKStream } from './dsl.ts';
import type { TableNode } from './ktable.ts';
import { SessionAggregateOperator, type SessionAggregation } from './session-aggregate-operator.ts';
import { SessionStateStore } from './session-store.ts';
import type { GraphNode } from './topology-graph.ts';
import { addWindowedTable } from './windowed-table.ts';
import { sessionWindowedSerde, type SessionWindows } from './windows.ts';

const countingSessions: SessionAggregation = {
  ...counting,
  merger: (one, other) => (one as number) + (other as number),
};

/** `SessionWindowedKStream` over a graph. */
export class SessionWindowedStreamNode implements Erased<SessionWindowedKStream<unknown, unknown>> {
  readonly #group: StreamGroup;
  readonly #windows: SessionWindows;

  constructor(group: StreamGroup, windows: SessionWindows) {
    this.#group = group;
    this.#windows = windows;
  }

  count(options: OperatorOptions = {}): TableNode {
    const node = this.#group.node(false);
    const plan = { role: 'KSTREAM-COUNT', options, valueSerde: options.valueSerde, node };
    return this.#materialized(plan, countingSessions);
  }

  reduce(reducer: ReduceOptions['reducer'], options: OperatorOptions = {}): TableNode {
    const valueSerde = options.valueSerde ?? this.#group.parts.valueSerde;
    const plan = { role: 'KSTREAM-REDUCE', options, valueSerde, node: this.#group.node(true) };
    const combine = (one: unknown, other: unknown) => (one === null ? other : reducer(one, other));
    return this.#materialized(plan, { initializer: () => null, aggregator: combine, merger: combine });
  }

  // oxlint-disable-next-line max-params -- Kafka Streams' order: initializer, aggregator, merger
  aggregate(
    initializer: () => unknown,
    aggregator: SessionAggregation['aggregator'],
    merger: SessionAggregation['merger'],
    options: OperatorOptions = {},
  ): TableNode {
    const node = this.#group.node(true);
    const plan = { role: 'KSTREAM-AGGREGATE', options, valueSerde: options.valueSerde, node };
    return this.#materialized(plan, { initializer, aggregator, merger });
  }

  #materialized(plan: TablePlan & { readonly node: GraphNode }, aggregation: SessionAggregation): TableNode {
    const windows = this.#windows;
    const closesAfterMs = windows.inactivityGapMs + windows.graceMs;
    return addWindowedTable<SessionStateStore>(this.#group.parts, {
      ...plan,
      retentionMsMin: closesAfterMs,
      closesAfterMs,
      windowedSerde: sessionWindowedSerde,
      createStore: (options) => new SessionStateStore(options),
      createOperator: ({ name, storeName }, scope) =>
        new SessionAggregateOperator(name, scope, { ...aggregation, storeName, windows }),
      rowOf: (store, { key, startMs, endMs }) => {
        const session = store.find(key, endMs, startMs).at(0);
        return session?.windowStartMs === startMs && session.timestampMs === endMs ? session.value : null;
      },
    });
  }
}
