import type { RecordHeader } from '../log/index.ts';
import { readInt64, writeInt64 } from '../log/index.ts';
import { framed, FramedBytesReader, int32 } from './framed-bytes.ts';
import { textOf, type Serde } from './serde.ts';

/** A table's update that waits for its time. */
export interface BufferedUpdate {
  /** When it may go, in stream time and less the wait: its window's end, or its own time. */
  readonly timeMs: number;
  /** Null deletes the row. */
  readonly value: unknown;
  readonly headers: readonly RecordHeader[];
}

/*
 * time (8 bytes) · value, framed · number of headers (4 bytes) · key and value of each, framed
 *
 * Integers are big-endian.
 */

/** How updates lie in the changelog. */
export function bufferedUpdateSerde(valueSerde: Serde<unknown>): Serde<unknown> {
  return {
    serialize(update) {
      const { timeMs, value, headers } = update as BufferedUpdate;
      const head = Buffer.allocUnsafe(8);
      writeInt64(head, 0, timeMs);
      const parts: Uint8Array[] = [head, ...framed(value === null ? null : valueSerde.serialize(value))];
      parts.push(int32(headers.length));
      for (const header of headers) parts.push(...framed(Buffer.from(header.key)), ...framed(header.value));
      return Buffer.concat(parts);
    },
    deserialize(bytes) {
      const reader = new FramedBytesReader(bytes, 8);
      const value = reader.nullable();
      const headers: RecordHeader[] = [];
      for (let left = reader.int32(); left > 0; left--) {
        const key = textOf(reader.bytes());
        headers.push({ key, value: reader.bytes() });
      }
      const timeMs = readInt64(bytes, 0);
      return { timeMs, value: value === null ? null : valueSerde.deserialize(value), headers };
    },
  };
}
