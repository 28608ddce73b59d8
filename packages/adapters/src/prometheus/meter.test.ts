import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrometheusMeter } from './meter.ts';

test('instruments of one name and other labels are one metric', async () => {
  const meter = new PrometheusMeter();
  meter.counter('events', 'Events.', { topic: 'a' }).add(2);
  meter.counter('events', 'Events.', { topic: 'b' }).add(3);
  meter.gauge('lag', 'Lag.').set(7);
  meter.histogram('commit_ms', 'Commit.', { buckets: [1, 10] }).observe(5, 3);
  const { text, contentType } = await meter.scrape();
  assert.match(contentType, /text\/plain/);
  assert.match(text, /millrace_events\{topic="a"\} 2/);
  assert.match(text, /millrace_events\{topic="b"\} 3/);
  assert.match(text, /millrace_lag 7/);
  assert.match(text, /millrace_commit_ms_bucket\{le="10"\} 3/);
});
