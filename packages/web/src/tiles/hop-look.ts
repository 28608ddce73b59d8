import type { HopReport } from 'millrace/wire';
import type { Tone } from '../parts/pill.tsx';

export const hopNames: Readonly<Record<HopReport['id'], { readonly title: string; readonly does: string }>> =
  {
    ingest: { title: 'Ingest', does: 'validate, deduplicate' },
    log: { title: 'Log', does: 'durable, ordered' },
    streams: { title: 'Streams', does: 'windows, joins, state' },
    warehouse: { title: 'Warehouse', does: 'exactly once' },
    models: { title: 'Models', does: 'SQL, by changed keys' },
    metrics: { title: 'Metrics', does: 'semantic layer' },
    live: { title: 'Live', does: 'push to this page' },
  };

export const hopLook: Readonly<Record<HopReport['state'], { readonly tone: Tone; readonly text: string }>> = {
  ok: { tone: 'good', text: 'OK' },
  starting: { tone: 'quiet', text: 'Starting' },
  slow: { tone: 'warn', text: 'Slow' },
  failed: { tone: 'bad', text: 'Failed' },
};
