import {
  addKeyValueStore,
  storeNames,
  type Erased,
  type OperatorOptions,
  type StreamParts,
  type TableParts,
} from './dsl-parts.ts';
import type { KTable, SuppressedOptions } from './dsl.ts';
import { messageOf } from '../base/index.ts';
import { fail } from './errors.ts';
import type { ValueGetter } from './join-operator.ts';
import type { KeyValueStateStore } from './key-value-store.ts';
import type { TaskScope } from './operator.ts';
import { Serdes, type Serde } from './serde.ts';
import { PassOperator, TableFilterOperator, TableMapValuesOperator } from './stateless-operators.ts';
import type { RecordFunction } from './stateless-operators.ts';
import { isThenable } from './stream-record.ts';
import { bufferedUpdateSerde } from './suppress-codec.ts';
import { SuppressOperator, type SuppressPlan } from './suppress-operator.ts';

type AnyFunction<Result> = RecordFunction<unknown, unknown, Result>;

/** `KTable` over a graph. Types are erased in here; the interface keeps them. */
export class TableNode implements Erased<KTable<unknown, unknown>> {
  readonly parts: TableParts;

  constructor(parts: TableParts) {
    this.parts = parts;
  }

  filter(predicate: AnyFunction<boolean>, options: OperatorOptions = {}): TableNode {
    const { parts } = this;
    const name = parts.context.graph.nameFor('KTABLE-FILTER', options.name);
    const node = parts.context.graph.add({
      name,
      parents: [parts.node],
      create: (scope) => new TableFilterOperator(name, scope, predicate),
    });
    return new TableNode({ ...parts, node, getter: (scope) => this.#filtered(scope, name, predicate) });
  }

  mapValues(mapper: AnyFunction<unknown>, options: OperatorOptions = {}): TableNode {
    const { parts } = this;
    const name = parts.context.graph.nameFor('KTABLE-MAPVALUES', options.name);
    const node = parts.context.graph.add({
      name,
      parents: [parts.node],
      create: (scope) => new TableMapValuesOperator(name, scope, mapper),
    });
    const getter = (scope: TaskScope) => this.#mapped(scope, name, mapper);
    return new TableNode({ ...parts, node, valueSerde: undefined, getter });
  }

  suppress(options: SuppressedOptions & OperatorOptions): TableNode {
    const { parts } = this;
    const { graph } = parts.context;
    const names = storeNames(
      graph,
      'KTABLE-SUPPRESS',
      options.name === undefined ? {} : { name: options.name },
    );
    const plan = this.#suppressPlan(options, names.operator);
    const { keySerde } = parts;
    const valueSerde = bufferedUpdateSerde(options.valueSerde ?? parts.valueSerde ?? Serdes.json());
    addKeyValueStore(graph, { name: names.store, isQueryable: false, keySerde, valueSerde });
    const node = graph.add({
      name: names.operator,
      parents: [parts.node],
      storeNames: [names.store],
      create: (scope) => {
        return new SuppressOperator(names.operator, scope, { ...plan, storeName: names.store, keySerde });
      },
    });
    return new TableNode({ ...parts, node });
  }

  #suppressPlan(options: SuppressedOptions, operator: string): SuppressPlan {
    const { closesAfterMs } = this.parts;
    const refuse = (message: string) => {
      return fail('STREAMS_BAD_OPTION', {
        message: `Operator '${operator}': ${message}`,
        details: { operator },
      });
    };
    if (options.until === 'window-closes') {
      if (closesAfterMs === undefined) throw refuse('only windowed tables have windows that close.');
      return { waitMs: closesAfterMs, isUntilWindowCloses: true, bufferRecordsMax: Infinity };
    }
    const { timeLimitMs, bufferRecordsMax = Infinity } = options;
    if (!Number.isSafeInteger(timeLimitMs) || timeLimitMs < 0) {
      throw refuse('timeLimitMs must be a whole number, 0 or more.');
    }
    return { waitMs: timeLimitMs, isUntilWindowCloses: false, bufferRecordsMax };
  }

  toStream(options: OperatorOptions = {}): unknown {
    const { context, node: parent, keySerde, valueSerde } = this.parts;
    const name = context.graph.nameFor('KTABLE-TOSTREAM', options.name);
    const node = context.graph.add({
      name,
      parents: [parent],
      create: (scope) => new PassOperator(name, scope),
    });
    return context.stream({ context, node, keySerde, valueSerde, isKeyChanged: false });
  }

  #filtered(scope: TaskScope, name: string, predicate: AnyFunction<boolean>): ValueGetter {
    const get = this.parts.getter(scope);
    return (key) => {
      const value = get(key);
      return value !== null && settled(name, predicate(value, key, scope.context)) ? value : null;
    };
  }

  #mapped(scope: TaskScope, name: string, mapper: AnyFunction<unknown>): ValueGetter {
    const get = this.parts.getter(scope);
    return (key) => {
      const value = get(key);
      return value === null ? null : (settled(name, mapper(value, key, scope.context)) ?? null);
    };
  }
}

/** A join looks rows up while it processes a record; it cannot wait for them. */
function settled<T>(name: string, result: T | PromiseLike<T>): T {
  if (!isThenable(result)) return result;
  void Promise.resolve(result).catch(messageOf);
  throw fail('STREAMS_BAD_OPTION', {
    message: `Table operator '${name}' is joined with a stream: its function must not be asynchronous.`,
    details: { operator: name },
  });
}

/** A table whose rows lie in a key-value store. */
export function tableOverStore(
  parts: Pick<StreamParts, 'context' | 'node'> & {
    readonly keySerde: Serde<unknown>;
    readonly valueSerde: Serde<unknown>;
  },
  storeName: string,
): TableNode {
  return new TableNode({
    ...parts,
    storeNames: [storeName],
    getter: (scope) => {
      const store = scope.store<KeyValueStateStore>(storeName);
      return (key) => store.get(key);
    },
  });
}
