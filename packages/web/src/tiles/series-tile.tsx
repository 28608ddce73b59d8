import { useMemo, useState } from 'react';
import type { LiveResult, SeriesTile } from 'millrace/wire';
import { SeriesChart } from '../chart/series-chart.tsx';
import { formatMarkNumber, formatNumber, noValue } from '../format/number-format.ts';
import { areDays, formatDay, formatTime } from '../format/time-format.ts';
import { useLive } from '../live/use-live.ts';
import { lastOf, seriesDataOf, type SeriesData } from './series-data.ts';
import { TileFrame } from './tile-frame.tsx';

export function SeriesTileView({ tile }: { readonly tile: SeriesTile }) {
  const view = useLive(tile.query);
  const [asTable, setAsTable] = useState(false);
  const toggle = (
    <button
      type="button"
      className="quiet-button"
      aria-pressed={asTable}
      onClick={() => setAsTable(!asTable)}
    >
      {asTable ? 'Chart' : 'Table'}
      <span className="hidden"> of {tile.title}</span>
    </button>
  );
  return (
    <TileFrame {...tile} view={view} actions={toggle}>
      {(result) => <SeriesBody tile={tile} result={result} asTable={asTable} />}
    </TileFrame>
  );
}

interface SeriesBodyProps {
  readonly tile: SeriesTile;
  readonly result: LiveResult;
  readonly asTable: boolean;
}

function SeriesBody({ tile, result, asTable }: SeriesBodyProps) {
  const data = useMemo(() => seriesDataOf(result, tile), [result, tile]);
  const formatValue = (value: number) => formatNumber(value, tile.format);
  const single = data.lines.length === 1;
  return (
    <>
      {single ? (
        <p className="big-number">{lastText(data, 0, formatValue)}</p>
      ) : (
        <Legend data={data} formatValue={formatValue} />
      )}
      {asTable ? (
        <SeriesTable title={tile.title} data={data} formatValue={formatValue} />
      ) : (
        <SeriesChart
          {...data}
          label={summary(tile, data, formatValue)}
          shape={tile.shape}
          lastMs={tile.lastMs}
          formatValue={formatValue}
          formatMark={(value) => formatMarkNumber(value, tile.format)}
        />
      )}
    </>
  );
}

interface LegendProps {
  readonly data: SeriesData;
  readonly formatValue: (value: number) => string;
}

function Legend({ data, formatValue }: LegendProps) {
  return (
    <ul className="legend">
      {data.lines.map(({ label, color }, index) => (
        <li key={label}>
          <span className={`key key-${color + 1}`} aria-hidden="true" />
          {label}
          <span className="legend-value">{lastText(data, index, formatValue)}</span>
        </li>
      ))}
    </ul>
  );
}

function lastText({ lines }: SeriesData, index: number, formatValue: (value: number) => string): string {
  const last = lastOf(lines[index]?.values ?? []);
  return last === undefined ? noValue : formatValue(last);
}

const tableRowsMax = 200;

function SeriesTable({ title, data, formatValue }: LegendProps & { readonly title: string }) {
  const { timesMs, lines } = data;
  const isDaily = areDays(timesMs);
  const newestFirst = timesMs.map((timeMs, index) => ({ timeMs, index })).toReversed();
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ label }) => (
              <th scope="col" className="numeric" key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {newestFirst.slice(0, tableRowsMax).map(({ timeMs, index }) => (
            <tr key={timeMs}>
              <td>{isDaily ? formatDay(timeMs) : formatTime(timeMs, timesMs.at(-1) ?? timeMs)}</td>
              {lines.map(({ label, values }) => (
                <td className="numeric" key={label}>
                  {values[index] === null || values[index] === undefined
                    ? noValue
                    : formatValue(values[index])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function summary(tile: SeriesTile, data: SeriesData, formatValue: (value: number) => string): string {
  const parts = data.lines.map(({ label, values }, index) => {
    const numbers = values.filter((value) => value !== null);
    if (numbers.length === 0) return `${label}: no value`;
    const [lowest, highest] = [Math.min(...numbers), Math.max(...numbers)].map(formatValue);
    return `${label}: now ${lastText(data, index, formatValue)}, between ${lowest} and ${highest}`;
  });
  return `Chart of ${tile.title}. ${parts.join('. ')}. Arrow keys read single points.`;
}
