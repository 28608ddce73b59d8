import type { Counter } from '../base/index.ts';
import type { Pending, RecordContext, StreamRecord } from './stream-record.ts';
import { isThenable } from './stream-record.ts';
import type { StateStore } from './state-store.ts';
import type { RecordCollector } from './record-collector.ts';

/** What an operator's failure becomes. */
export interface OperatorFailure {
  readonly operator: string;
  /** Undefined when the input record could not be read. */
  readonly record: StreamRecord | undefined;
  readonly error: unknown;
  readonly isPunctuation?: boolean;
}

/** What a task gives to its operators. */
export interface TaskScope {
  readonly partition: number;
  readonly context: RecordContext;
  readonly collector: RecordCollector;
  /** The highest event time that the task has seen; -1 before the first. */
  readonly streamTimeMs: number;
  /**
   * True when stateful operators may hold updates back until the commit, and forward the last one of each
   * key.
   */
  readonly cachesUpdates: boolean;
  store<Store extends StateStore>(name: string): Store;
  /** Partitions of a topic that the task writes to. */
  partitionsOf(topic: string): number;
  /** Dead-letters the input record, or stops the topology. */
  onFailure(failure: OperatorFailure): void;
  /** Counts records that an operator left out. */
  droppedCounter(operator: string, reason: DropReason): Counter;
  /** Says that an operator holds updates, to be asked for at the commit. */
  holdUpdates(operator: UpdateHolder): void;
  schedule(punctuation: PunctuationRequest): () => void;
}

/** Why a record was left out by an operator that cannot use it. */
export type DropReason = 'late' | 'null_key' | 'null_key_or_value';

export interface UpdateHolder {
  /** Forwards the held updates. */
  flushUpdates(): Pending;
}

/**
 * When a punctuator is called: `stream-time` follows the records' event time, `wall-clock` the runtime's
 * clock.
 */
export type PunctuationType = 'stream-time' | 'wall-clock';

export interface PunctuationRequest {
  readonly operator: Operator;
  readonly type: PunctuationType;
  /** Called whenever time passes a multiple of this. */
  readonly intervalMs: number;
  readonly punctuate: (timestampMs: number) => Pending;
}

/** One step of a topology in one task. */
export abstract class Operator {
  readonly name: string;
  readonly scope: TaskScope;
  /** Set once, when the task links its operators. */
  children: readonly Operator[] = [];

  constructor(name: string, scope: TaskScope) {
    this.name = name;
    this.scope = scope;
  }

  abstract process(record: StreamRecord): Pending;

  /** Called when the task ends. */
  close(): void {}

  /** Hands the record to all children, one after the other. */
  forward(record: StreamRecord): Pending {
    const children = this.children;
    for (let i = 0; i < children.length; i++) {
      const pending = children[i]!.process(record);
      if (pending !== undefined)
        return i + 1 === children.length ? pending : this.#forwardFrom(record, i + 1, pending);
    }
    return undefined;
  }

  async #forwardFrom(record: StreamRecord, first: number, pending: Promise<void>): Promise<void> {
    await pending;
    for (let i = first; i < this.children.length; i++) await this.children[i]!.process(record);
  }

  /** Hands several records on, each through all children before the next. */
  forwardAll(records: readonly StreamRecord[]): Pending {
    for (let i = 0; i < records.length; i++) {
      const pending = this.forward(records[i]!);
      if (pending !== undefined) return this.#forwardAllFrom(records, i + 1, pending);
    }
    return undefined;
  }

  async #forwardAllFrom(
    records: readonly StreamRecord[],
    first: number,
    pending: Promise<void>,
  ): Promise<void> {
    await pending;
    for (let i = first; i < records.length; i++) await this.forward(records[i]!);
  }
}

/** An operator around a user function, which may throw or return a promise. */
export abstract class UserOperator<Result> extends Operator {
  /** Calls the user's function. */
  protected abstract call(record: StreamRecord): Result | PromiseLike<Result>;
  /** Does what follows from its result. */
  protected abstract proceed(record: StreamRecord, result: Result): Pending;

  process(record: StreamRecord): Pending {
    let result: Result | PromiseLike<Result>;
    try {
      result = this.call(record);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return undefined;
    }
    return isThenable(result) ? this.#proceedLater(record, result) : this.proceed(record, result);
  }

  async #proceedLater(record: StreamRecord, later: PromiseLike<Result>): Promise<void> {
    let result: Result;
    try {
      result = await later;
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
      return;
    }
    await this.proceed(record, result);
  }
}
