// Big-endian integers and Kafka's varints on plain byte arrays. Free functions on primitives: they are the
// inner loop of encoding and decoding, and no bigint may occur there.

export function writeInt16(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >>> 8;
  bytes[position + 1] = value;
}

export function writeInt32(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >>> 24;
  bytes[position + 1] = value >>> 16;
  bytes[position + 2] = value >>> 8;
  bytes[position + 3] = value;
}

/** `value` is a safe integer. */
export function writeInt64(bytes: Uint8Array, position: number, value: number): void {
  writeInt32(bytes, position, Math.floor(value / 4294967296));
  writeInt32(bytes, position + 4, value);
}

export function readInt16(bytes: Uint8Array, position: number): number {
  return ((bytes[position]! << 24) >> 16) | bytes[position + 1]!;
}

export function readInt32(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position]! << 24) |
    (bytes[position + 1]! << 16) |
    (bytes[position + 2]! << 8) |
    bytes[position + 3]!
  );
}

export function readUint32(bytes: Uint8Array, position: number): number {
  return readInt32(bytes, position) >>> 0;
}

/** Exact for safe integers; a value beyond them comes out unsafe, which callers check where it matters. */
export function readInt64(bytes: Uint8Array, position: number): number {
  return readInt32(bytes, position) * 4294967296 + readUint32(bytes, position + 4);
}

/** Bytes that the zigzag varint of a 32-bit integer takes. */
export function varintLength(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** Writes a 32-bit integer as zigzag varint; returns the position after it. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  while (zigzag > 0x7f) {
    bytes[position++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  bytes[position++] = zigzag;
  return position;
}
