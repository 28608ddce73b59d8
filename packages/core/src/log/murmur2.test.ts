import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2 } from './murmur2.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('murmur2 gives the values of org.apache.kafka.common.utils.UtilsTest', () => {
  const vectors: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of vectors) assert.equal(murmur2(bytes(key)), hash, key);
  assert.equal(murmur2(Uint8Array.of(12, 42, 56, 24, 109, 111)), 274204207);
  assert.equal(murmur2(new Uint8Array(0)), 275646681);
});
