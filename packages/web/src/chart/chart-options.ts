import uPlot from 'uplot';
import { formatDay, formatMark } from '../format/time-format.ts';
import type { Line } from '../tiles/series-data.ts';
import type { ChartTheme } from './chart-theme.ts';
import type { ValueRange } from './value-range.ts';

export type ChartShape = 'line' | 'area' | 'bars';

export interface ChartStructure {
  readonly lines: readonly Pick<Line, 'label' | 'color'>[];
  readonly shape: ChartShape;
  /** The times are days, which are UTC's; else they are told in the reader's time zone. */
  readonly isDaily: boolean;
  readonly theme: ChartTheme;
  readonly formatValue: (value: number) => string;
  /** The two ends of the time axis, in milliseconds; undefined: what the data spans. */
  readonly range: () => readonly [number, number] | undefined;
  readonly valueRange: () => ValueRange;
  /** A line across the chart, such as the bound of an alert. */
  readonly bound?: number | undefined;
  readonly onCursor: (chart: uPlot) => void;
}

/** How uPlot is to draw it: one row of quiet labels, a few horizontal lines, nothing else. */
export function chartOptions(
  structure: ChartStructure,
  size: { width: number; height: number },
): uPlot.Options {
  const { lines, onCursor, shape, theme } = structure;
  return {
    ...size,
    // The name of the last day stands half beyond the end of its axis.
    padding: [8, structure.isDaily && shape !== 'bars' ? 24 : 8, 0, 0],
    legend: { show: false },
    ...(structure.isDaily ? { tzDate: utcDate } : {}),
    cursor: {
      y: false,
      points: { size: 8, width: 2, stroke: theme.surface },
      drag: { x: false, y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: (_chart, min, max) => timeRange(structure, min, max) },
      y: { range: () => valueScale(structure.valueRange(), structure.bound) },
    },
    axes: axesOf(structure),
    series: [{}, ...lines.map((line) => seriesOf(line, { shape, theme, count: lines.length }))],
    hooks: {
      setCursor: [onCursor],
      draw:
        structure.bound === undefined
          ? []
          : [(chart) => drawBound(chart, structure.bound as number, theme.bad)],
    },
  };
}

function timeRange({ range, shape }: ChartStructure, min: number, max: number): uPlot.Range.MinMax {
  const given = range();
  if (given !== undefined) return [given[0] / 1_000, given[1] / 1_000];
  if (min === null || min === max) return [(min ?? 0) - 1, (max ?? 0) + 1];
  // Bars stand on their time with half their width on either side.
  const margin = shape === 'bars' ? (max - min) * 0.03 : 0;
  return [min - margin, max + margin];
}

function valueScale({ lowest, highest }: ValueRange, bound: number | undefined): uPlot.Range.MinMax {
  const top = Math.max(highest, bound ?? 0);
  return [lowest, top + (top - lowest || 1) * 0.12];
}

/** The moment whose local fields are the UTC fields of this one, as uPlot wants it. */
function utcDate(seconds: number): Date {
  return uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC');
}

function axesOf({ theme, formatValue, isDaily, range }: ChartStructure): uPlot.Axis[] {
  const common = { stroke: theme.ink, font: theme.font, ticks: { show: false }, border: { show: false } };
  return [
    {
      ...common,
      size: 26,
      gap: 8,
      space: 88,
      grid: { show: false },
      values: (chart, marks) => {
        if (isDaily) return marks.map((mark) => formatDay(mark * 1_000));
        const given = range();
        const { min = 0, max = 0 } = chart.scales['x'] ?? {};
        const spanMs = given === undefined ? ((max ?? 0) - (min ?? 0)) * 1_000 : given[1] - given[0];
        return marks.map((mark) => formatMark(mark * 1_000, spanMs));
      },
    },
    {
      ...common,
      gap: 6,
      space: 44,
      grid: { stroke: theme.grid, width: 1 },
      values: (_chart, marks) => marks.map((mark) => (mark === null ? '' : formatValue(mark))),
      size: (chart, values) => axisWidth(chart, values, theme.font),
    },
  ];
}

function axisWidth(chart: uPlot, values: readonly string[] | null, font: string): number {
  if (values === null || values.length === 0) return 36;
  const longest = values.reduce((one, other) => (other.length > one.length ? other : one));
  chart.ctx.save();
  chart.ctx.font = font;
  const { width } = chart.ctx.measureText(longest);
  chart.ctx.restore();
  return Math.ceil(width) + 14;
}

interface SeriesLook {
  readonly shape: ChartShape;
  readonly theme: ChartTheme;
  readonly count: number;
}

function seriesOf(
  { label, color: index }: ChartStructure['lines'][number],
  { shape, theme, count }: SeriesLook,
): uPlot.Series {
  const color = theme.lines[index % theme.lines.length] as string;
  const stacked = shape !== 'line' && count > 1;
  const common = { label, stroke: color, width: 1.75, points: { show: false }, spanGaps: false };
  if (shape === 'bars') {
    const bars = uPlot.paths.bars?.({ size: [0.72, 36], radius: 0 });
    return {
      ...common,
      width: 0,
      fill: mixed(color, theme.surface, 0.88),
      ...(bars === undefined ? {} : { paths: bars }),
    };
  }
  if (shape === 'line') return common;
  // Stacked areas cover those behind them, so they must not be seen through.
  return { ...common, fill: stacked ? mixed(color, theme.surface, 0.5) : (chart) => faded(chart, color) };
}

function faded(chart: uPlot, color: string): CanvasGradient {
  const gradient = chart.ctx.createLinearGradient(0, chart.bbox.top, 0, chart.bbox.top + chart.bbox.height);
  gradient.addColorStop(0, `${color}42`);
  gradient.addColorStop(1, `${color}08`);
  return gradient;
}

/** `#rrggbb` colours: so much of the first, the rest of the second. */
function mixed(color: string, other: string, share: number): string {
  const part = (hex: string, from: number) => Number.parseInt(hex.slice(from, from + 2), 16);
  const channels = [1, 3, 5].map((from) =>
    Math.round(part(color, from) * share + part(other, from) * (1 - share)),
  );
  return `rgb(${channels.join(' ')})`;
}

function drawBound(chart: uPlot, bound: number, color: string): void {
  const y = Math.round(chart.valToPos(bound, 'y', true)) + 0.5;
  const { left, width } = chart.bbox;
  const { ctx } = chart;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = Math.max(1, devicePixelRatio);
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(left + width, y);
  ctx.stroke();
  ctx.restore();
}
