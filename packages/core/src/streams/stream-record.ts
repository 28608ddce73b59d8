import type { RecordHeader } from '../log/index.ts';

/** One record on its way through a topology. Never changed: operators make a new one. */
export class StreamRecord<K = unknown, V = unknown> {
  readonly key: K;
  readonly value: V;
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly headers: readonly RecordHeader[];

  // oxlint-disable-next-line max-params -- made once a record and operator: positional for speed
  constructor(key: K, value: V, timestampMs: number, headers: readonly RecordHeader[]) {
    this.key = key;
    this.value = value;
    this.timestampMs = timestampMs;
    this.headers = headers;
  }
}

/**
 * What user functions get beside value and key. One object per task: read it before awaiting, do not keep it.
 */
export interface RecordContext {
  /** Topic of the input record that is being processed. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Event time of the input record. */
  readonly timestampMs: number;
  readonly headers: readonly RecordHeader[];
  /** Aborted when the runtime closes: whatever is being waited for is done again after the next start. */
  readonly signal: AbortSignal;
  /** Wall time of the runtime's clock. */
  nowMs(): number;
  /** Waits on the runtime's clock; the task's later records wait too, other tasks go on. */
  sleep(delayMs: number): Promise<void>;
}

/** Work that is done (`undefined`), or that has to be awaited before the next record. */
export type Pending = Promise<void> | undefined;

/** A user function's result may be a promise; it is awaited only then. */
export type Awaitable<T> = T | Promise<T>;

export const noHeaders: readonly RecordHeader[] = [];

/** True for promises of any make. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}
