import { formatDuration } from '../format/number-format.ts';
import { useConnectionStatus, useLiveClient } from '../live/use-live.ts';
import { useNow } from '../live/use-now.ts';
import { Pill } from './pill.tsx';

/** Whether what the page shows is live, and the switch that holds it still. */
export function ConnectionState() {
  const client = useLiveClient();
  const status = useConnectionStatus();
  const nowMs = useNow();
  const { paused } = status;
  return (
    <>
      <span role="status">
        <StatePill {...status} lostForMs={nowMs - status.clockOffsetMs - status.sinceMs} />
      </span>
      <button
        type="button"
        className="icon-button"
        aria-pressed={paused}
        title={paused ? 'Go on' : 'Hold the page still'}
        onClick={() => client.setPaused(!paused)}
      >
        <span className="hidden">Hold the page still</span>
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" fill="currentColor">
          {paused ? <path d="M6 4l10 6-10 6z" /> : <path d="M5.500 4h3v12h-3zM11.500 4h3v12h-3z" />}
        </svg>
      </button>
    </>
  );
}

interface StatePillProps extends Pick<ReturnType<typeof useConnectionStatus>, 'state' | 'paused' | 'reason'> {
  readonly lostForMs: number;
}

function StatePill({ state, paused, reason, lostForMs }: StatePillProps) {
  if (state === 'connecting') return <Pill tone="quiet">Connecting</Pill>;
  if (state === 'lost') {
    const seconds = Math.floor(lostForMs / 1_000);
    return (
      <span title={reason ?? 'No answer from the server'}>
        <Pill tone="warn">Reconnecting{seconds >= 3 ? `, ${formatDuration(seconds * 1_000)}` : ''}</Pill>
      </span>
    );
  }
  return paused ? <Pill tone="accent">Paused</Pill> : <Pill tone="good">Live</Pill>;
}
