import type { Counter } from '../base/index.ts';
import type { Aggregation } from './aggregate-operators.ts';
import { UserOperator, type TaskScope } from './operator.ts';
import type { SessionStateStore } from './session-store.ts';
import type { StateEntry } from './state-entry.ts';
import { isThenable, StreamRecord, type Awaitable, type Pending } from './stream-record.ts';
import { Windowed, type SessionWindows } from './windows.ts';

export interface SessionAggregation extends Aggregation {
  readonly merger: (one: unknown, other: unknown, key: unknown) => Awaitable<unknown>;
}

export interface SessionAggregateOptions extends SessionAggregation {
  readonly storeName: string;
  readonly windows: SessionWindows;
}

/** The sessions that a record belongs to, and what they become with it. */
interface Merge {
  readonly sessions: readonly StateEntry[];
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * SessionWindowedKStream.aggregate, reduce and count. A record joins the sessions within the gap; they become
 * one, and the old ones are deleted downstream. Each update is sent at once, with or without a record cache:
 * a session's key changes with it, so that there is no last one to wait for.
 */
export class SessionAggregateOperator extends UserOperator<unknown> {
  readonly #store: SessionStateStore;
  readonly #options: SessionAggregateOptions;
  readonly #late: Counter;
  readonly #withoutKey: Counter;
  /** Of the record that is being processed; the next one waits for it. */
  #merge: Merge = { sessions: [], startMs: 0, endMs: 0 };

  constructor(name: string, scope: TaskScope, options: SessionAggregateOptions) {
    super(name, scope);
    this.#options = options;
    this.#store = scope.store(options.storeName);
    this.#late = scope.droppedCounter(name, 'late');
    this.#withoutKey = scope.droppedCounter(name, 'null_key');
  }

  override process(record: StreamRecord): Pending {
    if (record.key === null) {
      this.#withoutKey.add(1);
      return undefined;
    }
    const { inactivityGapMs, graceMs } = this.#options.windows;
    const streamTimeMs = Math.max(this.#store.streamTimeMs, record.timestampMs);
    this.#merge = this.#mergeOf(record);
    if (this.#merge.endMs < streamTimeMs - graceMs - inactivityGapMs) {
      this.#late.add(1);
      return undefined;
    }
    return super.process(record);
  }

  protected call(record: StreamRecord): Awaitable<unknown> {
    const { initializer, merger, aggregator } = this.#options;
    let aggregate: Awaitable<unknown> = initializer();
    for (const { value } of this.#merge.sessions) {
      aggregate = after(aggregate, (before) => merger(before, value, record.key));
    }
    return after(aggregate, (before) => aggregator(before, record.value, record.key));
  }

  protected proceed(record: StreamRecord, aggregate: unknown): Pending {
    const { key, timestampMs, headers } = record;
    const { sessions, startMs, endMs } = this.#merge;
    const updates: StreamRecord[] = [];
    // A session of the record's very time is overwritten, not replaced.
    if (startMs !== timestampMs || endMs !== timestampMs) {
      for (const session of sessions) {
        const before = new Windowed(key, session.windowStartMs, session.timestampMs);
        updates.push(new StreamRecord(before, null, session.timestampMs, headers));
        this.#store.write(session, null, session.timestampMs);
      }
    }
    this.#store.put({ key, startMs, endMs }, aggregate);
    updates.push(new StreamRecord(new Windowed(key, startMs, endMs), aggregate, endMs, headers));
    return this.forwardAll(updates);
  }

  #mergeOf({ key, timestampMs }: StreamRecord): Merge {
    const gapMs = this.#options.windows.inactivityGapMs;
    const sessions = this.#store.find(key, timestampMs - gapMs, timestampMs + gapMs);
    let startMs = timestampMs;
    let endMs = timestampMs;
    for (const session of sessions) {
      startMs = Math.min(startMs, session.windowStartMs);
      endMs = Math.max(endMs, session.timestampMs);
    }
    return { sessions, startMs, endMs };
  }
}

function after(
  before: Awaitable<unknown>,
  step: (aggregate: unknown) => Awaitable<unknown>,
): Awaitable<unknown> {
  return isThenable(before) ? before.then((aggregate) => step(aggregate)) : step(before);
}
