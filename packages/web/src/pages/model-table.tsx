import type { ModelReport } from 'millrace/wire';
import { formatDuration, formatNumber, noValue } from '../format/number-format.ts';
import { formatAge } from '../format/time-format.ts';
import { useNow } from '../live/use-now.ts';
import { Pill, type Tone } from '../parts/pill.tsx';

const runsTone: Readonly<Record<ModelReport['runs'], Tone>> = {
  'by key': 'good',
  'append': 'good',
  'view': 'good',
  'whole': 'warn',
  'not live': 'quiet',
};

/** How each model is kept up to date, why, and what it costs. */
export function ModelTable({ models }: { readonly models: readonly ModelReport[] }) {
  const nowMs = useNow();
  return (
    <section className="tile section" aria-labelledby="models">
      <h2 className="tile-title" id="models">
        Models
      </h2>
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Models">
        <table className="models">
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col">Runs</th>
              <th scope="col">Why</th>
              <th scope="col" className="numeric">
                Last refresh
              </th>
              <th scope="col" className="numeric">
                Cost
              </th>
              <th scope="col" className="numeric">
                Rows
              </th>
              <th scope="col">Compared with full SQL</th>
            </tr>
          </thead>
          <tbody>
            {models.map((model) => (
              <tr key={model.relation}>
                <th scope="row">
                  {model.name}
                  <span className="row-note">{model.materialized}</span>
                </th>
                <td>
                  <Pill tone={runsTone[model.runs]}>{model.runs}</Pill>
                </td>
                <td className="wrap">{model.reason}</td>
                <td className="numeric">
                  {model.refreshedAtMs === undefined ? noValue : formatAge(model.refreshedAtMs, nowMs)}
                </td>
                <td className="numeric">
                  {model.lastRefreshMs === undefined ? noValue : formatDuration(model.lastRefreshMs)}
                </td>
                <td className="numeric">
                  {model.rows === undefined ? noValue : formatNumber(model.rows, { style: 'compact' })}
                </td>
                <td>
                  <Compared compared={model.compared} nowMs={nowMs} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Compared({
  compared,
  nowMs,
}: {
  readonly compared: ModelReport['compared'];
  readonly nowMs: number;
}) {
  if (compared === undefined) return <>{noValue}</>;
  const { keys, differences, atMs } = compared;
  const text = `${formatNumber(keys, { style: 'number' })} keys, ${formatAge(atMs, nowMs)}`;
  if (differences === 0) return <Pill tone="good">equal, {text}</Pill>;
  return (
    <Pill tone="bad">
      {differences} differ, {text}
    </Pill>
  );
}
