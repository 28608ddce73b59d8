import { readInt64, writeInt64 } from '../log/index.ts';

/*
 * A value in an internal repartition topic: flags (1 byte; bit 0: the value is null), event time (8 bytes,
 * big-endian), value bytes.
 */

const NULL_VALUE = 1;
const FRAME_BYTES = 9;

export function frameValue(value: Uint8Array | null, timestampMs: number): Uint8Array {
  const framed = Buffer.allocUnsafe(FRAME_BYTES + (value?.length ?? 0));
  framed[0] = value === null ? NULL_VALUE : 0;
  writeInt64(framed, 1, timestampMs);
  if (value !== null) framed.set(value, FRAME_BYTES);
  return framed;
}

export function framedValue(framed: Uint8Array): Uint8Array | null {
  return (framed[0]! & NULL_VALUE) === NULL_VALUE ? null : framed.subarray(FRAME_BYTES);
}

export function framedTimestampMs(framed: Uint8Array): number {
  return readInt64(framed, 1);
}
