const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/**
 * Kafka's 32-bit murmur2, bit for bit as the Java client computes it; signed.
 * Source: org.apache.kafka.common.utils.Utils.murmur2 (Austin Appleby's MurmurHash2).
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = seed ^ length;
  let position = 0;
  const wholeEnd = length - (length & 3);
  while (position < wholeEnd) {
    let word =
      bytes[position]! |
      (bytes[position + 1]! << 8) |
      (bytes[position + 2]! << 16) |
      (bytes[position + 3]! << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
    position += 4;
  }
  const rest = length & 3;
  if (rest === 3) hash ^= bytes[position + 2]! << 16;
  if (rest >= 2) hash ^= bytes[position + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ bytes[position]!, multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}
