/** What a store's Map is keyed by: text and numbers as they are, other keys by the text of their bytes. */
export type StoreKey = string | number | boolean | bigint;

/**
 * One key of a store in one task. `value` is what the task works with; `committed…` is what the log holds,
 * which is all that queries and checkpoints may see. Null means that there is no such row.
 */
export class StateEntry {
  readonly id: StoreKey;
  readonly key: unknown;
  /** Start of the window; 0 in stores without windows. */
  readonly windowStartMs: number;
  value: unknown = null;
  timestampMs = 0;
  committedValue: unknown = null;
  committedTimestampMs = 0;
  /** Changed since the changelog was written last. */
  isDirty = false;
  /** Held back by a stateful operator until the commit. */
  isHeld = false;

  constructor(id: StoreKey, key: unknown, windowStartMs: number) {
    this.id = id;
    this.key = key;
    this.windowStartMs = windowStartMs;
  }
}

/**
 * Freezes plain data. A value in a store is shared by the task, queries and checkpoints: an aggregator that
 * changed it in place would show, and save, what was never committed.
 */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}
