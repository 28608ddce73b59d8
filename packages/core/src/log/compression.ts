import { messageOf } from '../base/index.ts';
import { readInt16, writeInt16, writeInt32 } from './bytes.ts';
import { logError } from './errors.ts';
import {
  ATTRIBUTES_AT,
  BATCH_LENGTH_AT,
  BATCH_OVERHEAD,
  COMPRESSION_MASK,
  LENGTH_OVERHEAD,
} from './record-batch-layout.ts';

/** How a topic's batches are compressed, by Kafka's names. */
export type Compression = 'none' | 'gzip' | 'lz4' | 'zstd';

/**
 * One way to compress, in the format that Kafka expects of it (gzip, LZ4 frame, zstd frame). Neither may keep
 * what it was given.
 */
export interface CompressionCodec {
  compress(bytes: Uint8Array): Uint8Array;
  /** Throws when the bytes are not of this format. */
  decompress(bytes: Uint8Array): Uint8Array;
}

/** The codecs that this machine has. Passed in, as the checksum is. */
export type CompressionCodecs = Readonly<Partial<Record<Exclude<Compression, 'none'>, CompressionCodec>>>;

/** By the number in the attributes of a batch; 2 is snappy, which is not supported. */
const byNumber: readonly (Compression | undefined)[] = ['none', 'gzip', undefined, 'lz4', 'zstd'];

/** Undefined for a number that is not known. */
export function compressionOf(attributes: number): Compression | undefined {
  return byNumber[attributes & COMPRESSION_MASK];
}

export function attributesOf(compression: Compression): number {
  return byNumber.indexOf(compression);
}

export function isCompression(name: string): name is Compression {
  return byNumber.includes(name as Compression);
}

/** `LOG_UNSUPPORTED_COMPRESSION` when this machine lacks the codec. */
export function codecOf(
  compression: Exclude<Compression, 'none'>,
  codecs: CompressionCodecs,
): CompressionCodec {
  const codec = codecs[compression];
  if (codec !== undefined) return codec;
  throw logError('LOG_UNSUPPORTED_COMPRESSION', {
    message: `There is no codec for ${compression}.`,
    details: { compression, available: Object.keys(codecs) },
  });
}

/**
 * The same batch, uncompressed; its CRC is still that of the stored one. `LOG_UNSUPPORTED_COMPRESSION`
 * without the codec, `LOG_INVALID_BATCH` when the bytes do not decompress.
 */
export function decompressBatch(stored: Uint8Array, codecs: CompressionCodecs): Uint8Array {
  const attributes = readInt16(stored, ATTRIBUTES_AT);
  const compression = compressionOf(attributes) ?? 'none';
  if (compression === 'none') return stored;
  const records = decompress(stored, compression, codecs);
  const bytes = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + records.length);
  bytes.set(stored.subarray(0, BATCH_OVERHEAD));
  bytes.set(records, BATCH_OVERHEAD);
  writeInt16(bytes, ATTRIBUTES_AT, attributes & ~COMPRESSION_MASK);
  writeInt32(bytes, BATCH_LENGTH_AT, bytes.length - LENGTH_OVERHEAD);
  return bytes;
}

function decompress(
  stored: Uint8Array,
  compression: Exclude<Compression, 'none'>,
  codecs: CompressionCodecs,
): Uint8Array {
  const codec = codecOf(compression, codecs);
  try {
    return codec.decompress(stored.subarray(BATCH_OVERHEAD));
  } catch (error) {
    throw logError('LOG_INVALID_BATCH', {
      message: `A record batch does not decompress by ${compression}: ${messageOf(error)}.`,
      details: { compression },
      cause: error,
    });
  }
}
