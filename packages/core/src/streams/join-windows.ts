import { fail } from './errors.ts';

/**
 * How far apart two records of joined streams may be, in event time: the other stream's record lies between
 * `beforeMs` before and `afterMs` after this stream's, both inclusive.
 */
export interface JoinWindows {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** How long records are kept for late partners, beyond the windows, in stream time. */
  readonly graceMs: number;
}

/** Refuses windows that cannot be: `STREAMS_BAD_OPTION`. */
export function checkJoinWindows(windows: JoinWindows | undefined, operator: string): JoinWindows {
  const refuse = (message: string) =>
    fail('STREAMS_BAD_OPTION', { message: `Operator '${operator}': ${message}`, details: { operator } });
  if (windows === undefined) throw refuse('a join of two streams needs `windows`.');
  for (const name of ['beforeMs', 'afterMs', 'graceMs'] as const) {
    if (!Number.isSafeInteger(windows[name])) throw refuse(`${name} must be a whole number.`);
  }
  if (windows.graceMs < 0) throw refuse('graceMs must be 0 or more.');
  if (windows.beforeMs + windows.afterMs < 0) throw refuse('beforeMs + afterMs must be 0 or more.');
  return windows;
}

/** How long a stream's records are kept, in its own stream time. */
export function joinRetentionMs({ beforeMs, afterMs, graceMs }: JoinWindows): number {
  return beforeMs + afterMs + graceMs;
}
