import { readInt64, writeInt64 } from '../log/index.ts';
import type { Serde } from './serde.ts';

/*
 * A changelog record, and an entry of a checkpoint:
 *
 *   key    tag (1 byte: 0 meta, 1 row, 2 windowed row) · key bytes · window start (8 bytes, windowed only)
 *   value  timestamp (8 bytes) · value bytes; null: the row was deleted
 *
 * The meta record holds the store's stream time as its timestamp. Integers are big-endian, two's complement.
 */

const TAG_META = 0;
const TAG_ROW = 1;
const TAG_WINDOWED_ROW = 2;
const INT64_BYTES = 8;

export const META_KEY: Uint8Array = Uint8Array.of(TAG_META);

/** What a changelog key stands for. */
export type ChangelogKey =
  | { readonly kind: 'meta' }
  | { readonly kind: 'row'; readonly key: unknown; readonly windowStartMs: number };

export function encodeRowKey(keySerde: Serde<unknown>, key: unknown): Uint8Array {
  const bytes = keySerde.serialize(key);
  const encoded = Buffer.allocUnsafe(1 + bytes.length);
  encoded[0] = TAG_ROW;
  encoded.set(bytes, 1);
  return encoded;
}

export function encodeWindowedRowKey(
  keySerde: Serde<unknown>,
  key: unknown,
  windowStartMs: number,
): Uint8Array {
  const bytes = keySerde.serialize(key);
  const encoded = Buffer.allocUnsafe(1 + bytes.length + INT64_BYTES);
  encoded[0] = TAG_WINDOWED_ROW;
  encoded.set(bytes, 1);
  writeInt64(encoded, 1 + bytes.length, windowStartMs);
  return encoded;
}

/** Undefined for bytes that are no changelog key. */
export function decodeKey(keySerde: Serde<unknown>, encoded: Uint8Array): ChangelogKey | undefined {
  const tag = encoded[0];
  if (tag === TAG_META) return { kind: 'meta' };
  if (tag === TAG_ROW) {
    return { kind: 'row', key: keySerde.deserialize(encoded.subarray(1)), windowStartMs: 0 };
  }
  if (tag !== TAG_WINDOWED_ROW) return undefined;
  const split = encoded.length - INT64_BYTES;
  const key = keySerde.deserialize(encoded.subarray(1, split));
  return { kind: 'row', key, windowStartMs: readInt64(encoded, split) };
}

export function encodeMetaValue(streamTimeMs: number): Uint8Array {
  const encoded = Buffer.allocUnsafe(INT64_BYTES);
  writeInt64(encoded, 0, streamTimeMs);
  return encoded;
}

export function encodeRowValue(valueSerde: Serde<unknown>, value: unknown, timestampMs: number): Uint8Array {
  const bytes = valueSerde.serialize(value);
  const encoded = Buffer.allocUnsafe(INT64_BYTES + bytes.length);
  writeInt64(encoded, 0, timestampMs);
  encoded.set(bytes, INT64_BYTES);
  return encoded;
}

export function decodeTimestamp(encoded: Uint8Array): number {
  return readInt64(encoded, 0);
}

export function decodeRowValue(valueSerde: Serde<unknown>, encoded: Uint8Array): unknown {
  return valueSerde.deserialize(encoded.subarray(INT64_BYTES));
}
