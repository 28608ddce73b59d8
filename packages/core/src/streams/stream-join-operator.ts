import type { Counter } from '../base/index.ts';
import { JoinWindowStore } from './join-window-store.ts';
import { joinRetentionMs, type JoinWindows } from './join-windows.ts';
import { Operator, type TaskScope } from './operator.ts';
import type { Serde } from './serde.ts';
import { PassOperator } from './stateless-operators.ts';
import { isThenable, StreamRecord, type Awaitable, type Pending } from './stream-record.ts';
import type { GraphNode, TopologyGraph } from './topology-graph.ts';

type StreamJoiner = (value: unknown, other: unknown, key: unknown) => Awaitable<unknown>;

interface StreamJoinSideOptions {
  readonly ownStore: string;
  readonly otherStore: string;
  /** Where the other side's records may lie, seen from this side's. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Gets this side's value first. */
  readonly joiner: StreamJoiner;
}

/** One side of KStream.join with a KStream: keeps its record, then meets what the other side has kept. */
export class StreamJoinSideOperator extends Operator {
  readonly #own: JoinWindowStore;
  readonly #other: JoinWindowStore;
  readonly #options: StreamJoinSideOptions;
  readonly #dropped: Counter;

  constructor(name: string, scope: TaskScope, options: StreamJoinSideOptions) {
    super(name, scope);
    this.#options = options;
    this.#own = scope.store(options.ownStore);
    this.#other = scope.store(options.otherStore);
    this.#dropped = scope.droppedCounter(name, 'null_key_or_value');
  }

  process(record: StreamRecord): Pending {
    const { key, value, timestampMs } = record;
    if (key === null || value === null) {
      this.#dropped.add(1);
      return undefined;
    }
    this.#own.put(key, value, timestampMs);
    const { beforeMs, afterMs } = this.#options;
    const partners: { readonly value: unknown; readonly timestampMs: number }[] = [];
    for (const row of this.#other.range(key, timestampMs - beforeMs, timestampMs + afterMs)) {
      for (const partner of row.value as readonly unknown[]) {
        partners.push({ value: partner, timestampMs: Math.max(timestampMs, row.windowStartMs) });
      }
    }
    return partners.length === 0 ? undefined : this.#meet(record, partners);
  }

  #meet(
    record: StreamRecord,
    partners: readonly { readonly value: unknown; readonly timestampMs: number }[],
  ): Pending {
    const joined: Awaitable<unknown>[] = [];
    try {
      for (const { value } of partners) joined.push(this.#options.joiner(record.value, value, record.key));
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return undefined;
    }
    const pairs = (values: readonly unknown[]) => {
      return values.map((value, i) => {
        return new StreamRecord(record.key, value, partners[i]!.timestampMs, record.headers);
      });
    };
    return joined.some(isThenable) ? this.#later(record, joined, pairs) : this.forwardAll(pairs(joined));
  }

  // The joiner's results are awaited together: all of them, or none, are passed on.
  async #later(
    record: StreamRecord,
    joined: readonly Awaitable<unknown>[],
    pairs: (values: readonly unknown[]) => StreamRecord[],
  ): Promise<void> {
    let values: readonly unknown[];
    try {
      values = await Promise.all(joined);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return;
    }
    await this.forwardAll(pairs(values));
  }
}

interface JoinSide {
  readonly name: string;
  readonly node: GraphNode;
  readonly keySerde: Serde<unknown>;
  readonly valueSerde: Serde<unknown>;
}

export interface StreamJoinPlan {
  readonly name: string;
  readonly left: JoinSide;
  readonly right: JoinSide;
  readonly windows: JoinWindows;
  readonly joiner: StreamJoiner;
}

/** Adds both sides with their stores; returns the node where their pairs come together. */
export function addStreamJoin(graph: TopologyGraph, plan: StreamJoinPlan): GraphNode {
  const { name, left, right, joiner } = plan;
  const { beforeMs, afterMs } = plan.windows;
  const retentionMs = joinRetentionMs(plan.windows);
  const storeOf = (side: JoinSide) => `${side.name}-store`;
  for (const side of [left, right]) {
    const { keySerde, valueSerde } = side;
    const options = { name: storeOf(side), keySerde, valueSerde, retentionMs };
    graph.addStore({ name: options.name, isQueryable: false, create: () => new JoinWindowStore(options) });
  }
  const storeNames = [storeOf(left), storeOf(right)];
  const add = (side: JoinSide, options: StreamJoinSideOptions) =>
    graph.add({
      name: side.name,
      parents: [side.node],
      storeNames,
      create: (scope) => new StreamJoinSideOperator(side.name, scope, options),
    });
  const one = { ownStore: storeOf(left), otherStore: storeOf(right), beforeMs, afterMs, joiner };
  const other = {
    ownStore: storeOf(right),
    otherStore: storeOf(left),
    beforeMs: afterMs,
    afterMs: beforeMs,
    joiner: (value: unknown, partner: unknown, key: unknown) => joiner(partner, value, key),
  };
  const parents = [add(left, one), add(right, other)];
  return graph.add({ name, parents, create: (scope) => new PassOperator(name, scope) });
}
