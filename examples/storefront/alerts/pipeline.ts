import { defineAlert } from 'millrace';

/**
 * Results come late: give the unkeyed topic more partitions. On a keyed topic that would move keys, so it is
 * refused.
 */
export const highLatency = defineAlert({
  name: 'high-latency',
  description: 'Results take more than a second from the first byte received until they can be seen.',
  when: { figure: 'avg_latency_ms', above: 1000 },
  forMs: 3000,
  actions: [
    { type: 'scale-partitions', topic: 'page_pings', partitionsMax: 8, coolDownMs: 600_000 },
    { type: 'scale-partitions', topic: 'events', partitionsMax: 8, coolDownMs: 600_000 },
  ],
});

/** Events stay away: ask each source, and name the silent one. */
export const lowThroughput = defineAlert({
  name: 'low-throughput',
  description: 'Fewer than 100 events a second arrive.',
  when: { figure: 'events_per_second', below: 100 },
  forMs: 3000,
  actions: [{ type: 'check-sources', coolDownMs: 60_000 }],
});

/**
 * Keys of every live model are compared with its full SQL all the time; a difference is repaired, and must be
 * known.
 */
export const modelDrift = defineAlert({
  name: 'model-drift',
  description: 'A live model differed from its full SQL since the start; it was rebuilt.',
  when: { figure: 'model_drifts', above: 0 },
});
