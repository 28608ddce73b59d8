import type { Counter } from '../base/index.ts';
import { UserOperator, type TaskScope } from './operator.ts';
import { StreamRecord, type Awaitable, type Pending } from './stream-record.ts';

/** Looks a key up in a table; null when there is no row. */
export type ValueGetter = (key: unknown) => unknown;

export interface StreamTableJoinOptions {
  readonly getter: ValueGetter;
  readonly joiner: (value: unknown, tableValue: unknown, key: unknown) => Awaitable<unknown>;
  /** True for a left join: records without a row are joined with null. */
  readonly isLeft: boolean;
}

const noMatch = Symbol('no match');

/**
 * KStream.join and leftJoin with a KTable: each record meets the row that its key has now. Records without
 * value are left out; those without key too, but not by a left join (KIP-962).
 */
export class StreamTableJoinOperator extends UserOperator<unknown> {
  readonly #options: StreamTableJoinOptions;
  readonly #dropped: Counter;

  constructor(name: string, scope: TaskScope, options: StreamTableJoinOptions) {
    super(name, scope);
    this.#options = options;
    this.#dropped = scope.droppedCounter(name, 'null_key_or_value');
  }

  override process(record: StreamRecord): Pending {
    const isUsable = record.value !== null && (record.key !== null || this.#options.isLeft);
    if (isUsable) return super.process(record);
    this.#dropped.add(1);
    return undefined;
  }

  protected call(record: StreamRecord): Awaitable<unknown> {
    const { getter, joiner, isLeft } = this.#options;
    const row = record.key === null ? null : getter(record.key);
    if (row === null && !isLeft) return noMatch;
    return joiner(record.value, row, record.key);
  }

  protected proceed(record: StreamRecord, joined: unknown): Pending {
    if (joined === noMatch) return undefined;
    return this.forward(new StreamRecord(record.key, joined, record.timestampMs, record.headers));
  }
}
