import {
  storeNames,
  type Erased,
  type OperatorOptions,
  type StreamGroup,
  type TablePlan,
} from './dsl-parts.ts';
import type { SessionWindowedKStream } from './dsl.ts';
import { TableNode } from './ktable.ts';
import type { GraphNode } from './topology-graph.ts';
import { counting, type ReduceOptions } from './aggregate-operators.ts';
import { Serdes, type Serde } from './serde.ts';
import { SessionAggregateOperator, type SessionAggregation } from './session-aggregate-operator.ts';
import { SessionStateStore } from './session-store.ts';
import { retentionOf, sessionWindowedSerde, Windowed, type SessionWindows } from './windows.ts';

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
    const { parts } = this.#group;
    const { context } = parts.stream;
    const names = storeNames(context.graph, plan.role, plan.options);
    const keySerde = plan.options.keySerde ?? parts.keySerde;
    const valueSerde = plan.valueSerde ?? Serdes.json();
    const leastMs = windows.inactivityGapMs + windows.graceMs;
    const retentionMs = retentionOf(plan.options.retentionMs, leastMs, names.operator);
    context.graph.addStore({
      name: names.store,
      isQueryable: names.isQueryable,
      create: () => new SessionStateStore({ name: names.store, keySerde, valueSerde, retentionMs }),
    });
    const node = context.graph.add({
      name: names.operator,
      parents: [plan.node],
      storeNames: [names.store],
      create: (scope) => {
        const options = { ...aggregation, storeName: names.store, windows };
        return new SessionAggregateOperator(names.operator, scope, options);
      },
    });
    return new TableNode({
      context,
      node,
      keySerde: sessionWindowedSerde(keySerde) as Serde<unknown>,
      valueSerde,
      storeNames: [names.store],
      closesAfterMs: leastMs,
      getter: (scope) => {
        const store = scope.store<SessionStateStore>(names.store);
        return (key) => {
          if (!(key instanceof Windowed)) return null;
          const session = store.find(key.key, key.endMs, key.startMs).at(0);
          return session?.windowStartMs === key.startMs && session.timestampMs === key.endMs
            ? session.value
            : null;
        };
      },
    });
  }
}
