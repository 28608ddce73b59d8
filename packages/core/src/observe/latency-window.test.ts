import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LatencyWindow } from './latency-window.ts';
import { RateWindow } from './rate-window.ts';

test('a quantile is never below the exact one, and at most one bucket (1/16) above it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.9, 0.99, 1),
      (latencies, quantile) => {
        const window = new LatencyWindow();
        for (const latencyMs of latencies) window.record(5_000_000, latencyMs);
        const sorted = latencies.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] as number;
        const estimate = window.quantileMs(5_000_000, 60_000, quantile) as number;
        assert.ok(estimate >= exact && estimate <= exact * (1 + 1 / 16) + 1, `${exact} became ${estimate}`);
      },
    ),
  );
});

test('seconds outside the window do not count', () => {
  const window = new LatencyWindow();
  window.record(1_000_000, 900, 10);
  window.record(1_030_000, 100, 10);
  assert.equal(window.meanMs(1_030_000, 60_000), 500);
  assert.equal(window.meanMs(1_030_000, 10_000), 100);
  assert.equal(window.meanMs(1_200_000, 60_000), undefined);
});

test('a rate is unknown until its window has filled once, and zero when events stop', () => {
  const rate = new RateWindow();
  assert.equal(rate.perSecond(0, 10_000), undefined);
  for (let second = 0; second < 12; second++) rate.record(second * 1000, 200);
  assert.equal(rate.perSecond(5_000, 10_000), undefined);
  assert.equal(rate.perSecond(11_500, 10_000), 200);
  assert.equal(rate.perSecond(40_000, 10_000), 0);
});
