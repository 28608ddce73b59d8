import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VersionedCache } from './cache.ts';

function open(bytesMax = 1_000): VersionedCache<string> {
  return new VersionedCache({ bytesMax, bytesOf: (answer) => answer.length });
}

test('an answer is given again at its own version only', async () => {
  const cache = open();
  let asked = 0;
  const ask = () => Promise.resolve(`answer ${++asked}`);
  assert.equal(await cache.answer('q', 'v1', ask), 'answer 1');
  assert.equal(await cache.answer('q', 'v1', ask), 'answer 1');
  assert.equal(await cache.answer('q', 'v2', ask), 'answer 2');
  assert.equal(await cache.answer('q', 'v1', ask), 'answer 3');
});

test('those who ask at one version share a flight, later versions do not join it', async () => {
  const cache = open();
  const first = Promise.withResolvers<string>();
  const a = cache.answer('q', 'v1', () => first.promise);
  const b = cache.answer('q', 'v1', () => assert.fail('asked twice'));
  const c = cache.answer('q', 'v2', () => Promise.resolve('new'));
  assert.equal(await c, 'new');
  first.resolve('old');
  assert.deepEqual(await Promise.all([a, b]), ['old', 'old']);
  // The old answer came last and must not have replaced the new one.
  assert.equal(await cache.answer('q', 'v2', () => assert.fail('asked again')), 'new');
});

test('a failure is told to all who wait and is not kept', async () => {
  const cache = open();
  const fails = () => Promise.reject(new Error('no'));
  await assert.rejects(Promise.all([cache.answer('q', 'v1', fails), cache.answer('q', 'v1', fails)]), /no/);
  assert.equal(await cache.answer('q', 'v1', () => Promise.resolve('yes')), 'yes');
});

test('never holds more bytes than it may, and drops the least recently used first', async () => {
  const cache = open(100);
  const put = (query: string, size: number) =>
    cache.answer(query, 'v1', () => Promise.resolve('x'.repeat(size)));
  await put('a', 39);
  await put('b', 39);
  await put('a', 0);
  await put('c', 39);
  assert.equal(cache.figures.bytes, 80);
  await cache.answer('a', 'v1', () => assert.fail('a was dropped'));
  await put('huge', 1_000);
  assert.equal(cache.figures.entries, 2);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.nat(60), fc.nat(3))),
      async (steps) => {
        const bounded = open(200);
        for (const [query, size, version] of steps) {
          await bounded.answer(`q${query}`, `v${version}`, () => Promise.resolve('x'.repeat(size)));
          assert.ok(bounded.figures.bytes <= 200);
        }
      },
    ),
  );
});
