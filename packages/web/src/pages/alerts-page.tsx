import { useMemo } from 'react';
import type { AlertActionReport, AlertHistoryEntry, AlertReport, AlertsReport } from 'millrace/wire';
import { SeriesChart } from '../chart/series-chart.tsx';
import { formatFigure } from '../format/figure-format.ts';
import { formatDuration, noValue } from '../format/number-format.ts';
import { formatAge, formatWhole } from '../format/time-format.ts';
import { useLive, useReport } from '../live/use-live.ts';
import { useNow } from '../live/use-now.ts';
import { Notice } from '../parts/notice.tsx';
import { Pill } from '../parts/pill.tsx';
import { alertTitle, bySeverity, conditionText, figureTitle, phaseLook } from '../tiles/alert-state.ts';
import { seriesDataOf } from '../tiles/series-data.ts';

const chartMs = 15 * 60_000;

/** Every rule with its state, what it watches, and what it and its actions did. */
export function AlertsPage() {
  const { report } = useReport<AlertsReport>('alerts');
  return (
    <>
      <title>Alerts · Millrace</title>
      <div className="page-head">
        <div>
          <h1>Alerts</h1>
          <p className="page-lead">Rules over the system’s own figures, and what their actions did.</p>
        </div>
      </div>
      {report?.alerts.length === 0 && (
        <Notice title="This project has no alert rules">
          Declare one with <code>defineAlert</code> in a file of the folder <code>alerts</code>.
        </Notice>
      )}
      <div className="grid">
        {bySeverity(report?.alerts ?? []).map((alert) => (
          <AlertCard key={alert.name} alert={alert} history={report?.history ?? []} />
        ))}
      </div>
      {report !== undefined && <History entries={report.history} />}
    </>
  );
}

interface AlertCardProps {
  readonly alert: AlertReport;
  readonly history: readonly AlertHistoryEntry[];
}

function AlertCard({ alert, history }: AlertCardProps) {
  const nowMs = useNow();
  const { tone, text } = phaseLook[alert.phase];
  const lastAction = history.find((entry) => entry.alert === alert.name && entry.type === 'action');
  return (
    <section className={`tile span-6 alert-card is-${alert.phase}`} aria-label={alertTitle(alert.name)}>
      <header className="tile-head">
        <h2 className="alert-name">{alertTitle(alert.name)}</h2>
        <span className="since">for {formatDuration(Math.max(1_000, nowMs - alert.sinceMs))}</span>
        <Pill tone={tone}>{text}</Pill>
      </header>
      <p className="alert-text">{alert.description}</p>
      <div className="alert-figures">
        <p className="big-number">
          {alert.value === undefined ? noValue : formatFigure(alert.condition.figure, alert.value)}
        </p>
        <p className="alert-condition">{conditionText(alert)}</p>
      </div>
      <FigureChart alert={alert} />
      {(alert.actions?.length ?? 0) > 0 && (
        <ul className="actions" aria-label="Actions">
          {alert.actions?.map((action) => (
            <li key={`${action.type} ${action.target ?? ''}`}>{actionText(action)}</li>
          ))}
        </ul>
      )}
      {lastAction !== undefined && (
        <p className="last-action">
          Last action, {formatAge(lastAction.timeMs, nowMs)}: {lastAction.text}
        </p>
      )}
    </section>
  );
}

function actionText({ type, target, coolDownMs, dryRun }: AlertActionReport): string {
  const words = type.replaceAll('-', ' ');
  const name = words.charAt(0).toUpperCase() + words.slice(1);
  const rest = [
    target === undefined ? undefined : `of ${target}`,
    coolDownMs === undefined ? undefined : `at most every ${formatDuration(coolDownMs)}`,
    dryRun === true ? 'dry run' : undefined,
  ].filter((part) => part !== undefined);
  return [name, ...rest].join(', ').replace(', of', ' of');
}

function FigureChart({ alert }: { readonly alert: AlertReport }) {
  const { figure, above, below } = alert.condition;
  const query = useMemo(() => ({ source: 'system', figures: [figure], lastMs: chartMs }), [figure]);
  const { result } = useLive(query);
  const data = useMemo(() => result && seriesDataOf(result, { values: [], shape: 'area' }), [result]);
  if (data === undefined || data.timesMs.length < 2) return <div className="chart chart-low" />;
  return (
    <div className="chart-low">
      <SeriesChart
        {...data}
        label={`Chart of ${figureTitle(figure)} over the last 15 minutes, with the bound of the rule`}
        shape="area"
        lastMs={chartMs}
        bound={above ?? below}
        formatValue={(value) => formatFigure(figure, value)}
      />
    </div>
  );
}

const kindLook = {
  fired: { tone: 'bad', text: 'Fired' },
  resolved: { tone: 'good', text: 'Resolved' },
  action: { tone: 'accent', text: 'Action' },
} as const;

function History({ entries }: { readonly entries: readonly AlertHistoryEntry[] }) {
  const nowMs = useNow();
  return (
    <section className="section" aria-labelledby="alert-history">
      <h2 id="alert-history">History</h2>
      {entries.length === 0 && <Notice title="Nothing has happened yet" />}
      <ol className="timeline">
        {entries.map((entry) => (
          <li
            key={`${entry.timeMs} ${entry.alert} ${entry.type} ${entry.text}`}
            className={`timeline-entry tone-${kindLook[entry.type].tone}`}
          >
            <time dateTime={new Date(entry.timeMs).toISOString()} title={formatWhole(entry.timeMs)}>
              {formatAge(entry.timeMs, nowMs)}
            </time>
            <div>
              <p className="timeline-title">
                {alertTitle(entry.alert)}{' '}
                <Pill tone={kindLook[entry.type].tone}>{kindLook[entry.type].text}</Pill>
                {entry.type === 'action' && (
                  <Pill tone={entry.applied ? 'good' : 'quiet'}>
                    {entry.applied ? 'Applied' : 'No change'}
                  </Pill>
                )}
              </p>
              <p className="timeline-text">{entry.text}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
