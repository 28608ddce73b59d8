import { readInt32, writeInt32 } from '../log/index.ts';

/*
 * Bytes one after the other, each behind its length (4 bytes, big-endian); null has length -1.
 */

const NULL_LENGTH = -1;

export function framed(bytes: Uint8Array | null): Uint8Array[] {
  return bytes === null ? [int32(NULL_LENGTH)] : [int32(bytes.length), bytes];
}

export function int32(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4);
  writeInt32(bytes, 0, value);
  return bytes;
}

export class FramedBytesReader {
  readonly #bytes: Uint8Array;
  #position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.#position = position;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  int32(): number {
    const value = readInt32(this.#bytes, this.#position);
    this.#position += 4;
    return value;
  }

  nullable(): Uint8Array | null {
    const length = this.int32();
    return length === NULL_LENGTH ? null : this.#take(length);
  }

  bytes(): Uint8Array {
    return this.#take(this.int32());
  }

  #take(length: number): Uint8Array {
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }
}
