import type { RecordHeader } from '../log/index.ts';
import { readInt32, readInt64, writeInt32, writeInt64 } from '../log/index.ts';
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
 * time (8 bytes) · value · number of headers (4 bytes) · key and value of each
 *
 * Values and keys are framed by their length (4 bytes), null has length -1. Integers are big-endian.
 */

const NULL_LENGTH = -1;

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
      const reader = new FrameReader(bytes, 8);
      const value = reader.nullableFrame();
      const headers: RecordHeader[] = [];
      for (let left = reader.int32(); left > 0; left--) {
        const key = textOf(reader.frame());
        headers.push({ key, value: reader.frame() });
      }
      const timeMs = readInt64(bytes, 0);
      return { timeMs, value: value === null ? null : valueSerde.deserialize(value), headers };
    },
  };
}

function framed(bytes: Uint8Array | null): Uint8Array[] {
  return bytes === null ? [int32(NULL_LENGTH)] : [int32(bytes.length), bytes];
}

function int32(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4);
  writeInt32(bytes, 0, value);
  return bytes;
}

class FrameReader {
  readonly #bytes: Uint8Array;
  #position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  int32(): number {
    const value = readInt32(this.#bytes, this.#position);
    this.#position += 4;
    return value;
  }

  nullableFrame(): Uint8Array | null {
    const length = this.int32();
    return length === NULL_LENGTH ? null : this.#take(length);
  }

  frame(): Uint8Array {
    return this.#take(this.int32());
  }

  #take(length: number): Uint8Array {
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }
}
