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

/** A key within a window: what windowed tables are keyed by. */
export class Windowed<K> {
  readonly key: K;
  /** Inclusive, milliseconds since the epoch. */
  readonly startMs: number;
  /** Exclusive. */
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
