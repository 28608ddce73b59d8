import type { LiveView } from 'millrace/wire';
import { formatDuration } from '../format/number-format.ts';
import { formatWhole } from '../format/time-format.ts';
import { useConnectionStatus } from '../live/use-live.ts';
import { useNow } from '../live/use-now.ts';

interface FreshnessState {
  readonly tone: 'good' | 'warn' | 'bad' | 'quiet';
  readonly text: string;
  readonly title: string;
}

/** How old the newest data is that a tile shows, said once a second. */
export function Freshness({ view }: { readonly view: LiveView }) {
  const nowMs = useNow();
  const { paused, state } = useConnectionStatus();
  const { tone, text, title } = freshnessOf(view, nowMs, { paused, connected: state === 'open' });
  return (
    <span className={`freshness tone-${tone}`} title={title}>
      <span className="dot" aria-hidden="true" />
      <span className="hidden">Freshness: </span>
      {text}
    </span>
  );
}

function freshnessOf(
  view: LiveView,
  nowMs: number,
  line: { paused: boolean; connected: boolean },
): FreshnessState {
  const { status, result, evaluatedAtMs } = view;
  if (status === 'starting') return { tone: 'quiet', text: 'starting', title: view.trouble?.message ?? '' };
  if (status === 'failed') return { tone: 'bad', text: 'failed', title: view.trouble?.message ?? '' };
  if (result === undefined || evaluatedAtMs === undefined)
    return { tone: 'quiet', text: 'waiting', title: 'No answer yet' };
  const dataMs = result.watermarkMs ?? evaluatedAtMs;
  const age = formatSeconds(nowMs - dataMs);
  const title = `Data up to ${formatWhole(dataMs)}; asked at ${formatWhole(evaluatedAtMs)}`;
  if (line.paused) return { tone: 'quiet', text: `paused, ${age} old`, title };
  if (status === 'stale' || !line.connected) {
    return { tone: 'warn', text: `${age} old`, title: `Not connected. ${title}` };
  }
  // A document of the system itself has no time up to which it is complete: it holds until it changes.
  if (result.watermarkMs === undefined) {
    return { tone: 'good', text: 'live', title: `Unchanged since ${formatWhole(evaluatedAtMs)}` };
  }
  return { tone: 'good', text: `${age} ago`, title };
}

/** Below ten seconds in tenths, so that the eye is not kept busy. */
function formatSeconds(ms: number): string {
  return ms < 10_000 ? `${(Math.max(100, ms) / 1_000).toFixed(1)} s` : formatDuration(ms);
}
