import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@millrace/core/base';
import { TokenBucket } from './token-bucket.ts';

test('a burst of two seconds passes, then one waits as long as was taken', () => {
  const bucket = new TokenBucket(100, 0);
  assert.equal(bucket.waitMs(0), 0);
  bucket.take(200, 0);
  assert.equal(bucket.waitMs(0), 1);
  assert.equal(bucket.waitMs(1), 0);
  bucket.take(101, 1);
  const waitMs = bucket.waitMs(1);
  assert.ok(waitMs >= 1009 && waitMs <= 1011, String(waitMs));
  assert.ok(bucket.waitMs(1000) > 0);
  assert.equal(bucket.waitMs(1 + waitMs), 0);
});

test('time that goes back gives nothing', () => {
  const bucket = new TokenBucket(10, 1000);
  bucket.take(20, 1000);
  assert.ok(bucket.waitMs(0) > 0);
});

test('over a long time no more than the rate passes', () => {
  const random = seededRandom(3);
  const bucket = new TokenBucket(50, 0);
  let passed = 0;
  let nowMs = 0;
  while (nowMs < 600_000) {
    nowMs += Math.floor(random.next() * 100);
    if (bucket.waitMs(nowMs) > 0) continue;
    const count = 1 + Math.floor(random.next() * 30);
    bucket.take(count, nowMs);
    passed += count;
  }
  assert.ok(passed <= 50 * 600 + 100 + 30, `${passed}`);
  assert.ok(passed >= 50 * 600 * 0.95, `${passed}`);
});
