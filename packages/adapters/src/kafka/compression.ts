import { compressionsAlgorithms } from '@platformatic/kafka';

/** How the records of a batch are compressed; bits 0 to 2 of its attributes say which. */
export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** The number of a codec in a batch's attributes. */
export function codecNumber(codec: Codec): number {
  return codecs.indexOf(codec);
}

export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  return compressionsAlgorithms[codec].compressSync(bufferOf(bytes));
}

/** Throws when the bytes are not of that codec. */
export function decompress(number: number, bytes: Uint8Array): Uint8Array {
  const codec = codecs[number];
  if (codec === undefined) throw new RangeError(`there is no codec ${number}`);
  const buffer = bufferOf(bytes);
  if (codec === 'snappy' && isFramed(buffer)) return decompressFramed(buffer);
  return compressionsAlgorithms[codec].decompressSync(buffer);
}

const FRAME_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const FRAME_HEADER_BYTES = 16;

/** Java's clients put snappy blocks into a frame of snappy-java's own. */
function isFramed(bytes: Buffer): boolean {
  return bytes.subarray(0, FRAME_MAGIC.length).equals(FRAME_MAGIC);
}

function decompressFramed(bytes: Buffer): Uint8Array {
  const blocks: Buffer[] = [];
  let position = FRAME_HEADER_BYTES;
  while (position < bytes.length) {
    const length = bytes.readInt32BE(position);
    const block = bytes.subarray(position + 4, position + 4 + length);
    blocks.push(Buffer.from(compressionsAlgorithms.snappy.decompressSync(block)));
    position += 4 + length;
  }
  return Buffer.concat(blocks);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
