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

test('a weighted observation counts for all that it stands for, in its bucket and all above', async () => {
  const meter = new PrometheusMeter();
  const options = { labels: { topology: 'a' }, buckets: [1, 10, 100] };
  const latency = meter.histogram('latency_ms', 'Latency.', options);
  latency.observe(10, 1000);
  latency.observe(11);
  latency.observe(1e6, 5);
  meter.histogram('latency_ms', 'Latency.', { ...options, labels: { topology: 'b' } }).observe(0.5);
  const { text } = await meter.scrape();
  const lines = text.split('\n').filter((line) => line.startsWith('millrace_latency_ms'));
  assert.deepEqual(lines, [
    'millrace_latency_ms_bucket{topology="a",le="1"} 0',
    'millrace_latency_ms_bucket{topology="a",le="10"} 1000',
    'millrace_latency_ms_bucket{topology="a",le="100"} 1001',
    'millrace_latency_ms_bucket{topology="a",le="+Inf"} 1006',
    'millrace_latency_ms_sum{topology="a"} 5010011',
    'millrace_latency_ms_count{topology="a"} 1006',
    'millrace_latency_ms_bucket{topology="b",le="1"} 1',
    'millrace_latency_ms_bucket{topology="b",le="10"} 1',
    'millrace_latency_ms_bucket{topology="b",le="100"} 1',
    'millrace_latency_ms_bucket{topology="b",le="+Inf"} 1',
    'millrace_latency_ms_sum{topology="b"} 0.5',
    'millrace_latency_ms_count{topology="b"} 1',
  ]);
});
