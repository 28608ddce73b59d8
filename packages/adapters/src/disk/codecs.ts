import * as zlib from 'node:zlib';
import type { CompressionCodecs } from '@millrace/core/log';

/** More than any batch may have; keeps damaged or hostile bytes from filling the memory. */
const maxOutputLength = 256 << 20;

/** The ways of compressing that this Node has: gzip, and zstd from Node 22.15 on. */
export const codecs: CompressionCodecs = {
  gzip: {
    compress: (bytes) => zlib.gzipSync(bytes),
    decompress: (bytes) => zlib.gunzipSync(bytes, { maxOutputLength }),
  },
  ...(typeof zlib.zstdCompressSync === 'function' && {
    zstd: {
      compress: (bytes: Uint8Array) => zlib.zstdCompressSync(bytes),
      decompress: (bytes: Uint8Array) => zlib.zstdDecompressSync(bytes, { maxOutputLength }),
    },
  }),
};
