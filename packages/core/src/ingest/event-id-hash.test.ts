import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../base/index.ts';
import { EventIdHasher, hashEventId, makeHashKey } from './event-id-hash.ts';

function hexOf(words: Uint32Array): string {
  return [...words].map((word) => word.toString(16).padStart(8, '0')).join('');
}

function hash(id: string): string {
  const words = new Uint32Array(4);
  hashEventId(id, words, 0);
  return hexOf(words);
}

/** MurmurHash3_x86_128 with seed 0, as the reference implementation gives it. */
const VECTORS: readonly [text: string, words: string][] = [
  ['a', 'a794933c5556b01b5556b01b5556b01b'],
  ['ab', '158451df25be301025be301025be3010'],
  ['abc', '75cdc6d1a2b006a5a2b006a5a2b006a5'],
  ['abcd', '96b6ccaa45afc62e45afc62e45afc62e'],
  ['abcde', 'c5402efb5d24c5bc5a7201775a720177'],
  ['event-1', '0f99441b191b5ec0520d81ca520d81ca'],
  ['12345678', '65add393560b73876ac8ee3a6ac8ee3a'],
  ['0123456789', '0017a61e2e528b33a5443f2057a11235'],
  ['0123456789abc', 'c970af1dcc6d9d01dd00c683fc11eee3'],
  ['0123456789abcdef', 'fb7d440936aed30a48ad1d9b572b3bfd'],
  ['018f6b1e-8e0b-7c3a-9a54-3d2f1c0b9a87', 'a7d499a414c945efcef4ebeac500d2af'],
  ['é😀 ordre nº 7', 'f8a7f985afc09e93fd0f719fb2c9d973'],
  ["I will not buy this tobacconist's, it is scratched.", '9b5b7ba2ef3f7866889adeaf00f3f98e'],
  ['x'.repeat(128), '9e1c1da2744a105a987b7d5c21a74521'],
];

for (const [text, words] of VECTORS) {
  test(`the hash of '${text.slice(0, 40)}' is that of the reference`, () => assert.equal(hash(text), words));
}

test('different ids have different hashes, keyed or not', () => {
  const hasher = new EventIdHasher(makeHashKey(seededRandom(7)));
  const plain = new Set<string>();
  const keyed = new Set<string>();
  const words = new Uint32Array(4);
  for (let i = 0; i < 200_000; i++) {
    plain.add(hash(`e${i}`));
    hasher.hash(`e${i}`, words, 0);
    keyed.add(hexOf(words));
  }
  assert.equal(plain.size, 200_000);
  assert.equal(keyed.size, 200_000);
});

test('another key gives other slots, the same key the same', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' }),
      fc.integer(),
      (id, seed) => {
        const [one, same, other] = [seed, seed, seed + 1].map((each) => {
          const words = new Uint32Array(4);
          new EventIdHasher(makeHashKey(seededRandom(each))).hash(id, words, 0);
          return hexOf(words);
        });
        assert.equal(one, same);
        assert.notEqual(one, other);
      },
    ),
  );
});

test('the first words spread evenly over slots', () => {
  const hasher = new EventIdHasher(makeHashKey(seededRandom(3)));
  const words = new Uint32Array(4);
  const slots = new Uint32Array(256);
  for (let i = 0; i < 256_000; i++) {
    hasher.hash(`2026-03-01-${i}`, words, 0);
    slots[words[0]! >>> 24]!++;
  }
  for (const count of slots) assert.ok(count > 800 && count < 1200, `${count} of 1000`);
});
