import { storeNames, type GroupedParts, type TablePlan } from './dsl-parts.ts';
import { TableNode } from './ktable.ts';
import type { Operator, TaskScope } from './operator.ts';
import { Serdes, type Serde } from './serde.ts';
import type { StateStore, StateStoreOptions } from './state-store.ts';
import type { GraphNode } from './topology-graph.ts';
import { retentionOf, Windowed } from './windows.ts';

/** What one kind of windows makes of a grouped stream. */
export interface WindowedTablePlan<Store extends StateStore> extends TablePlan {
  /** The node to aggregate after. */
  readonly node: GraphNode;
  /** Rows are kept this long at least. */
  readonly retentionMsMin: number;
  /** How long after its end a window still changes. */
  readonly closesAfterMs: number;
  readonly windowedSerde: (keySerde: Serde<unknown>) => Serde<Windowed<unknown>>;
  readonly createStore: (options: StateStoreOptions & { readonly retentionMs: number }) => Store;
  readonly createOperator: (names: { name: string; storeName: string }, scope: TaskScope) => Operator;
  /** The row of a window; null when there is none. */
  readonly rowOf: (store: Store, key: Windowed<unknown>) => unknown;
}

/** Adds the store and the operator; returns the table of windows. */
export function addWindowedTable<Store extends StateStore>(
  { stream: { context }, ...group }: GroupedParts,
  plan: WindowedTablePlan<Store>,
): TableNode {
  const { options, closesAfterMs, rowOf } = plan;
  const names = storeNames(context.graph, plan.role, options);
  const keySerde = options.keySerde ?? group.keySerde;
  const valueSerde = plan.valueSerde ?? Serdes.json();
  const retentionMs = retentionOf(options.retentionMs, plan.retentionMsMin, names.operator);
  context.graph.addStore({
    name: names.store,
    isQueryable: names.isQueryable,
    create: () => plan.createStore({ name: names.store, keySerde, valueSerde, retentionMs }),
  });
  const node = context.graph.add({
    name: names.operator,
    parents: [plan.node],
    storeNames: [names.store],
    create: (scope) => plan.createOperator({ name: names.operator, storeName: names.store }, scope),
  });
  return new TableNode({
    context,
    node,
    keySerde: plan.windowedSerde(keySerde),
    valueSerde,
    storeNames: [names.store],
    closesAfterMs,
    getter: (scope) => {
      const store = scope.store<Store>(names.store);
      return (key) => (key instanceof Windowed ? rowOf(store, key) : null);
    },
  });
}
