import type { AlertsReport, AlertsTile } from 'millrace/wire';
import { formatFigure } from '../format/figure-format.ts';
import { formatAge } from '../format/time-format.ts';
import { noValue } from '../format/number-format.ts';
import { useReport } from '../live/use-live.ts';
import { useNow } from '../live/use-now.ts';
import { Link } from '../parts/link.tsx';
import { Pill } from '../parts/pill.tsx';
import { alertTitle, bySeverity, phaseLook } from './alert-state.ts';
import { TileFrame } from './tile-frame.tsx';

export function AlertsTileView({ tile }: { readonly tile: AlertsTile }) {
  const { view, report } = useReport<AlertsReport>('alerts');
  return (
    <TileFrame {...tile} view={view}>
      {() => report !== undefined && <AlertList report={report} />}
    </TileFrame>
  );
}

const historyShown = 3;

function AlertList({ report }: { readonly report: AlertsReport }) {
  const nowMs = useNow();
  return (
    <>
      <ul className="rows">
        {bySeverity(report.alerts).map((alert) => (
          <li className="row" key={alert.name}>
            <Pill tone={phaseLook[alert.phase].tone}>{phaseLook[alert.phase].text}</Pill>
            <Link className="row-main" href="/alerts">
              {alertTitle(alert.name)}
            </Link>
            <span className="row-end">
              {alert.value === undefined ? noValue : formatFigure(alert.condition.figure, alert.value)}
            </span>
          </li>
        ))}
      </ul>
      {report.history.length > 0 && (
        <ul className="small-history">
          {report.history.slice(0, historyShown).map((entry) => (
            <li key={`${entry.timeMs} ${entry.alert} ${entry.type} ${entry.text}`}>
              <time dateTime={new Date(entry.timeMs).toISOString()}>{formatAge(entry.timeMs, nowMs)}</time>
              {entry.text}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
