import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentMeter } from '@millrace/core/base';
import { VirtualClock } from '@millrace/testkit/clock';
import { HopFigures } from './hop-figures.ts';
import { observedMeter } from './observed-meter.ts';

test("latency and throughput of the hops are read off the rooms' own figures", async () => {
  const clock = new VirtualClock();
  const hops = new HopFigures(clock);
  const meter = observedMeter(silentMeter, hops.observers);
  const commits = meter.histogram('log_commit_duration_ms', '');
  const activity = meter.counter('streams_records_total', '', { application: 'activity' });
  const fraud = meter.counter('streams_records_total', '', { application: 'fraud' });
  const metrics = meter.histogram('live_evaluation_duration_ms', '', { labels: { source: 'metrics' } });
  assert.equal(hops.latencyMs('log'), undefined);
  for (let second = 0; second < 15; second++) {
    commits.observe(4, 99);
    commits.observe(12);
    activity.add(200);
    fraud.add(10);
    metrics.observe(3, 2);
    await clock.advance(1_000);
  }
  assert.deepEqual(hops.latencyMs('log'), { p50: 5, p99: 5 });
  assert.deepEqual(hops.latencyMs('metrics'), { p50: 4, p99: 4 });
  assert.equal(hops.perSecond('streams'), 200, 'of the busiest topology: all read the same events');
  assert.equal(hops.perSecond('metrics'), 2);
  assert.equal(hops.perSecond('live'), undefined);
});
