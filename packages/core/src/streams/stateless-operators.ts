import { Operator, UserOperator, type TaskScope } from './operator.ts';
import { StreamRecord, type Awaitable, type Pending, type RecordContext } from './stream-record.ts';

/** A user function of value, key and context. */
export type RecordFunction<K, V, Result> = (value: V, key: K, context: RecordContext) => Awaitable<Result>;

type AnyFunction<Result> = RecordFunction<unknown, unknown, Result>;

/** Common to all operators that call one function once a record. */
abstract class FunctionOperator<Result> extends UserOperator<Result> {
  readonly #function: AnyFunction<Result>;
  readonly #context: RecordContext;

  constructor(name: string, scope: TaskScope, userFunction: AnyFunction<Result>) {
    super(name, scope);
    this.#function = userFunction;
    this.#context = scope.context;
  }

  protected call(record: StreamRecord): Awaitable<Result> {
    return this.#function(record.value, record.key, this.#context);
  }
}

export class FilterOperator extends FunctionOperator<boolean> {
  protected proceed(record: StreamRecord, isWanted: boolean): Pending {
    return isWanted ? this.forward(record) : undefined;
  }
}

export class FilterNotOperator extends FunctionOperator<boolean> {
  protected proceed(record: StreamRecord, isUnwanted: boolean): Pending {
    return isUnwanted ? undefined : this.forward(record);
  }
}

export class MapOperator extends FunctionOperator<readonly [unknown, unknown]> {
  protected proceed(record: StreamRecord, [key, value]: readonly [unknown, unknown]): Pending {
    return this.forward(new StreamRecord(key, value, record.timestampMs, record.headers));
  }
}

export class MapValuesOperator extends FunctionOperator<unknown> {
  protected proceed(record: StreamRecord, value: unknown): Pending {
    return this.forward(new StreamRecord(record.key, value, record.timestampMs, record.headers));
  }
}

export class SelectKeyOperator extends FunctionOperator<unknown> {
  protected proceed(record: StreamRecord, key: unknown): Pending {
    return this.forward(new StreamRecord(key, record.value, record.timestampMs, record.headers));
  }
}

export class PeekOperator extends FunctionOperator<void> {
  protected proceed(record: StreamRecord): Pending {
    return this.forward(record);
  }
}

export class FlatMapOperator extends FunctionOperator<Iterable<readonly [unknown, unknown]>> {
  protected proceed(record: StreamRecord, pairs: Iterable<readonly [unknown, unknown]>): Pending {
    const records: StreamRecord[] = [];
    for (const [key, value] of pairs) {
      records.push(new StreamRecord(key, value, record.timestampMs, record.headers));
    }
    return this.forwardAll(records);
  }
}

export class FlatMapValuesOperator extends FunctionOperator<Iterable<unknown>> {
  protected proceed(record: StreamRecord, values: Iterable<unknown>): Pending {
    const records: StreamRecord[] = [];
    for (const value of values) {
      records.push(new StreamRecord(record.key, value, record.timestampMs, record.headers));
    }
    return this.forwardAll(records);
  }
}

/** Passes records on as they are: merged streams. */
export class PassOperator extends Operator {
  process(record: StreamRecord): Pending {
    return this.forward(record);
  }
}

/** Lets the events of some types pass. */
export class EventTypeOperator extends Operator {
  readonly #types: ReadonlySet<string>;

  constructor(name: string, scope: TaskScope, types: ReadonlySet<string>) {
    super(name, scope);
    this.#types = types;
  }

  process(record: StreamRecord): Pending {
    const type = (record.value as { readonly event_type: string }).event_type;
    return this.#types.has(type) ? this.forward(record) : undefined;
  }
}

/** KTable filter: rows that the predicate refuses become deletions. */
export class TableFilterOperator extends FunctionOperator<boolean> {
  protected override call(record: StreamRecord): Awaitable<boolean> {
    return record.value === null ? false : super.call(record);
  }

  protected proceed(record: StreamRecord, isWanted: boolean): Pending {
    if (isWanted) return this.forward(record);
    return this.forward(new StreamRecord(record.key, null, record.timestampMs, record.headers));
  }
}

/** KTable mapValues: deletions stay deletions. */
export class TableMapValuesOperator extends FunctionOperator<unknown> {
  protected override call(record: StreamRecord): unknown {
    return record.value === null ? null : super.call(record);
  }

  protected proceed(record: StreamRecord, value: unknown): Pending {
    return this.forward(new StreamRecord(record.key, value, record.timestampMs, record.headers));
  }
}
