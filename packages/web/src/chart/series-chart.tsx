import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { areDays, formatDay, formatWhole } from '../format/time-format.ts';
import { useLiveClient } from '../live/use-live.ts';
import { useChartTheme } from './chart-theme.ts';
import { SeriesPlot, type Pointed, type SeriesPlotContent } from './series-plot.ts';

interface SeriesChartProps extends SeriesPlotContent {
  /** What it shows, for those who do not see it. */
  readonly label: string;
}

/** Lines over time on a canvas. With the arrow keys the cursor goes from point to point. */
export function SeriesChart({ label, ...content }: SeriesChartProps) {
  const client = useLiveClient();
  const theme = useChartTheme();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<SeriesPlot>(undefined);
  const [pointed, setPointed] = useState<Pointed>();
  const [peak, setPeak] = useState<number>();
  const tipId = useId();

  useEffect(() => {
    const made = new SeriesPlot(holder.current as HTMLDivElement, {
      nowMs: () => client.nowMs(),
      onPoint: setPointed,
      onPeak: setPeak,
    });
    plot.current = made;
    return () => made.destroy();
  }, [client]);
  useEffect(() => plot.current?.show(content, theme));

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') setPointed(undefined);
    const target = targetOf(event.key, pointed?.index, content.timesMs.length);
    if (target === undefined) return;
    event.preventDefault();
    plot.current?.point(target);
  };
  const timeMs = pointed && content.timesMs[pointed.index];
  return (
    <div
      className="chart"
      role="img"
      aria-label={label}
      aria-describedby={tipId}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onBlur={() => setPointed(undefined)}
    >
      <div className="chart-canvas" ref={holder} />
      {peak !== undefined && <p className="chart-peak">Peak of {content.formatValue(peak)} cut off</p>}
      <div id={tipId} aria-live="polite">
        {pointed !== undefined && timeMs !== undefined && <ChartTip {...{ pointed, timeMs, content }} />}
      </div>
    </div>
  );
}

/** Where a key leads from the point under the cursor; without one the keys begin at the end. */
function targetOf(key: string, from: number | undefined, count: number): number | undefined {
  if (count === 0) return undefined;
  const last = count - 1;
  switch (key) {
    case 'ArrowLeft':
      return from === undefined ? last : Math.max(0, from - 1);
    case 'ArrowRight':
      return from === undefined ? last : Math.min(last, from + 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

interface ChartTipProps {
  readonly pointed: Pointed;
  readonly timeMs: number;
  readonly content: SeriesPlotContent;
}

function ChartTip({ pointed, timeMs, content }: ChartTipProps) {
  return (
    <div className={pointed.toLeft ? 'chart-tip chart-tip-left' : 'chart-tip'} style={{ left: pointed.x }}>
      <div className="chart-tip-time">
        {areDays(content.timesMs) ? formatDay(timeMs) : formatWhole(timeMs)}
      </div>
      {content.lines.map(({ label, values, color }) => {
        const value = values[pointed.index];
        if (value === null || value === undefined) return null;
        return (
          <div className="chart-tip-row" key={label}>
            <span className={`key key-${color + 1}`} />
            <span className="chart-tip-label">{label}</span>
            <span className="chart-tip-value">{content.formatValue(value)}</span>
          </div>
        );
      })}
    </div>
  );
}
