import { readInt64, writeInt64 } from '../log/index.ts';
import { fail } from './errors.ts';
import type { Serde } from './serde.ts';

/**
 * Windows of fixed size, aligned to the epoch: tumbling, or hopping when `advanceMs` is smaller than
 * `sizeMs`. A window takes records with `startMs <= time < startMs + sizeMs`.
 */
export interface TimeWindows {
  readonly sizeMs: number;
  /**
   * How long after its end (in stream time) a window still takes late records. Later ones are dropped and
   * counted. To be chosen, never implied: 0 drops whatever comes out of order across a window's end.
   */
  readonly graceMs: number;
  /** Distance between the starts of windows. Default `sizeMs`. */
  readonly advanceMs?: number;
}

/**
 * Windows of activity: records of a key that follow each other within the gap are one session, which runs
 * from the first record's time to the last one's.
 */
export interface SessionWindows {
  readonly inactivityGapMs: number;
  /** How long after its end and the gap (in stream time) a session still takes late records. */
  readonly graceMs: number;
}

/** A key within a window: what windowed tables are keyed by. */
export class Windowed<K> {
  readonly key: K;
  /** Inclusive, milliseconds since the epoch. */
  readonly startMs: number;
  /** Exclusive; of a session inclusive: the time of its last record. */
  readonly endMs: number;

  constructor(key: K, startMs: number, endMs: number) {
    this.key = key;
    this.startMs = startMs;
    this.endMs = endMs;
  }
}

/** Refuses windows that cannot be: `STREAMS_BAD_OPTION`. */
export function checkWindows(windows: TimeWindows): void {
  const { sizeMs, graceMs, advanceMs = sizeMs } = windows;
  const refuse = (message: string) => {
    throw fail('STREAMS_BAD_OPTION', { message, details: { ...windows } });
  };
  if (!Number.isSafeInteger(sizeMs) || sizeMs <= 0) refuse('sizeMs must be a whole number above 0.');
  if (!Number.isSafeInteger(graceMs) || graceMs < 0) refuse('graceMs must be a whole number, 0 or more.');
  if (!Number.isSafeInteger(advanceMs) || advanceMs <= 0 || advanceMs > sizeMs) {
    refuse('advanceMs must be a whole number above 0, at most sizeMs.');
  }
}

/** Refuses session windows that cannot be: `STREAMS_BAD_OPTION`. */
export function checkSessionWindows(windows: SessionWindows): void {
  for (const name of ['inactivityGapMs', 'graceMs'] as const) {
    if (Number.isSafeInteger(windows[name]) && windows[name] >= 0) continue;
    throw fail('STREAMS_BAD_OPTION', {
      message: `${name} must be a whole number, 0 or more.`,
      details: { ...windows },
    });
  }
}

/**
 * Start of the earliest window that holds `timestampMs`; the others follow every `advanceMs` up to
 * `timestampMs`.
 */
export function firstWindowStartMs(timestampMs: number, sizeMs: number, advanceMs: number): number {
  const earliest = Math.max(0, timestampMs - sizeMs + advanceMs);
  return earliest - (earliest % advanceMs);
}

/**
 * The key's bytes followed by the window's start (8 bytes, big-endian), as Kafka Streams writes windowed
 * keys.
 */
export function windowedSerde<K>(keySerde: Serde<K>, sizeMs: number): Serde<Windowed<K>> {
  return {
    serialize(windowed) {
      const key = keySerde.serialize(windowed.key);
      const bytes = Buffer.allocUnsafe(key.length + 8);
      bytes.set(key);
      writeInt64(bytes, key.length, windowed.startMs);
      return bytes;
    },
    deserialize(bytes) {
      const split = bytes.length - 8;
      const startMs = readInt64(bytes, split);
      return new Windowed(keySerde.deserialize(bytes.subarray(0, split)), startMs, startMs + sizeMs);
    },
  };
}

/** The key's bytes, the session's end and start (8 bytes each, big-endian), as Kafka Streams writes it. */
export function sessionWindowedSerde<K>(keySerde: Serde<K>): Serde<Windowed<K>> {
  return {
    serialize(windowed) {
      const key = keySerde.serialize(windowed.key);
      const bytes = Buffer.allocUnsafe(key.length + 16);
      bytes.set(key);
      writeInt64(bytes, key.length, windowed.endMs);
      writeInt64(bytes, key.length + 8, windowed.startMs);
      return bytes;
    },
    deserialize(bytes) {
      const split = bytes.length - 16;
      const key = keySerde.deserialize(bytes.subarray(0, split));
      return new Windowed(key, readInt64(bytes, split + 8), readInt64(bytes, split));
    },
  };
}

/** How long rows are kept: as wanted, `leastMs` by default and at least. */
export function retentionOf(wantedMs: number | undefined, leastMs: number, operator: string): number {
  if (wantedMs === undefined) return leastMs;
  if (wantedMs >= leastMs) return wantedMs;
  throw fail('STREAMS_BAD_OPTION', {
    message: `Operator '${operator}': retentionMs must be at least ${leastMs}: the windows and their grace.`,
    details: { operator, retentionMs: wantedMs, leastMs },
  });
}
