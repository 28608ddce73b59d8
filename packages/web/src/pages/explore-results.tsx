import { useMemo, useState } from 'react';
import type { CubeReport, LiveView, TileFormat, TileQuery } from 'millrace/wire';
import { SeriesChart } from '../chart/series-chart.tsx';
import { formatMarkNumber, formatNumber, noValue, numberOf } from '../format/number-format.ts';
import { titleOf } from '../format/value-format.ts';
import { useLive } from '../live/use-live.ts';
import { Bars } from '../tiles/bar-tile.tsx';
import { seriesDataOf, type SeriesData } from '../tiles/series-data.ts';
import { TileFrame } from '../tiles/tile-frame.tsx';
import { ranges, tileYaml, type Exploration, type ExplorationQueries } from './explore-query.ts';

interface ExploreResultsProps {
  readonly cube: CubeReport | undefined;
  readonly exploration: Exploration;
  readonly queries: ExplorationQueries;
}

export function ExploreResults({ cube, exploration, queries }: ExploreResultsProps) {
  const measure = cube?.measures.find(({ name }) => name === exploration.metric);
  const title = measure?.title ?? titleOf(exploration.metric);
  const format = formatOf(measure?.format);
  const by = cube?.dimensions.find(({ name }) => name === exploration.by);
  return (
    <div className="grid explore-results">
      <Total title={title} format={format} {...{ exploration, queries }} />
      {queries.series !== undefined && (
        <Course
          title={`${title} over time`}
          format={format}
          query={queries.series}
          {...{ exploration, queries }}
        />
      )}
      {queries.slices !== undefined && (
        <Slices
          title={`${title} by ${by?.title ?? ''}`}
          format={format}
          query={queries.slices}
          exploration={exploration}
        />
      )}
      <AsTile yaml={tileYaml(title, queries, exploration)} />
    </div>
  );
}

/** Cube's formats are `percent` and `currency`, which does not say which. */
function formatOf(format: string | undefined): TileFormat {
  if (format === 'percent') return { style: 'percent' };
  return format === 'currency' ? { style: 'number', decimals: 2 } : { style: 'number' };
}

interface PartProps {
  readonly title: string;
  readonly format: TileFormat;
  readonly exploration: Exploration;
}

function Total({ title, format, exploration, queries }: PartProps & Pick<ExploreResultsProps, 'queries'>) {
  const view = useLive(queries.total);
  const before = useLive(queries.totalBefore);
  const now = lastNumber(view);
  const then = lastNumber(before);
  return (
    <TileFrame title={title} kind="number" width={12} view={view}>
      {() => (
        <div className="total">
          <p className="big-number">{now === undefined ? noValue : formatNumber(now, format)}</p>
          {now !== undefined && then !== undefined && (
            <p className="change">
              <Change now={now} then={then} /> {formatNumber(then, format)} before (
              {ranges[exploration.range].title.toLowerCase()})
            </p>
          )}
        </div>
      )}
    </TileFrame>
  );
}

function Change({ now, then }: { readonly now: number; readonly then: number }) {
  if (then === 0) return null;
  const change = (now - then) / Math.abs(then);
  const sign = change > 0 ? '+' : '';
  return (
    <strong className={change < 0 ? 'change-down' : 'change-up'}>
      {sign}
      {formatNumber(change, { style: 'percent' })}
    </strong>
  );
}

function lastNumber({ result }: LiveView): number | undefined {
  return numberOf(result?.rows[0]?.at(-1));
}

interface CourseProps extends PartProps, Pick<ExploreResultsProps, 'queries'> {
  readonly query: TileQuery;
}

function Course({ title, format, exploration, queries, query }: CourseProps) {
  const view = useLive(query);
  const before = useLive(queries.seriesBefore);
  const sliced = exploration.by !== '';
  const data = useMemo(() => {
    const shape = {
      time: queries.timeColumn,
      values: [{ column: exploration.metric, label: 'Now' }],
      shape: sliced ? ('bars' as const) : ('area' as const),
      ...(sliced ? { by: exploration.by } : {}),
    };
    const now = view.result && seriesDataOf(view.result, shape);
    if (now === undefined || before.result === undefined) return now;
    const then = seriesDataOf(before.result, shape);
    return overlaid(now, then, ranges[exploration.range].shiftMs);
  }, [before.result, exploration, queries, sliced, view.result]);
  const shape = sliced ? 'bars' : (data?.lines.length ?? 1) > 1 ? 'line' : 'area';
  return (
    <TileFrame title={title} kind="series" width={12} view={view} empty="Nothing in this time">
      {() =>
        data !== undefined && (
          <>
            {data.lines.length > 1 && <Keys data={data} />}
            <SeriesChart
              {...data}
              label={`Chart of ${title}`}
              shape={shape}
              formatValue={(value) => formatNumber(value, format)}
              formatMark={(value) => formatMarkNumber(value, format)}
            />
          </>
        )
      }
    </TileFrame>
  );
}

function Keys({ data }: { readonly data: SeriesData }) {
  return (
    <ul className="legend">
      {data.lines.map(({ label, color }) => (
        <li key={label}>
          <span className={`key key-${color + 1}`} aria-hidden="true" />
          {label}
        </li>
      ))}
    </ul>
  );
}

/** Both courses over the times of the first; the earlier one moved forward by the length of the range. */
function overlaid(now: SeriesData, then: SeriesData, shiftMs: number): SeriesData {
  const before = new Map(
    then.timesMs.map((timeMs, index) => [timeMs + shiftMs, then.lines[0]?.values[index] ?? null]),
  );
  const timesMs = [...new Set([...now.timesMs, ...before.keys()])].toSorted((one, other) => one - other);
  const current = new Map(now.timesMs.map((timeMs, index) => [timeMs, now.lines[0]?.values[index] ?? null]));
  return {
    timesMs,
    lines: [
      { label: 'Now', color: 0, values: timesMs.map((timeMs) => current.get(timeMs) ?? null) },
      { label: 'Before', color: 7, values: timesMs.map((timeMs) => before.get(timeMs) ?? null) },
    ],
  };
}

function Slices({ title, format, exploration, query }: PartProps & { readonly query: TileQuery }) {
  const view = useLive(query);
  const tile = { label: exploration.by, value: exploration.metric, format };
  return (
    <TileFrame title={title} kind="bar" width={12} view={view}>
      {(result) => <Bars tile={tile} result={result} />}
    </TileFrame>
  );
}

/** The same as a tile, for a dashboard file. */
function AsTile({ yaml }: { readonly yaml: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(yaml);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <details className="tile span-12 as-tile">
      <summary>Keep it: paste this into a file of the folder dashboards</summary>
      <pre tabIndex={0}>{yaml}</pre>
      <button type="button" className="button" onClick={() => void copy()}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </details>
  );
}
