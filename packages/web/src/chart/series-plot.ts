import uPlot from 'uplot';
import { areDays } from '../format/time-format.ts';
import type { Line } from '../tiles/series-data.ts';
import { chartOptions, type ChartShape } from './chart-options.ts';
import type { ChartTheme } from './chart-theme.ts';
import { valueRangeOf, type ValueRange } from './value-range.ts';

export interface SeriesPlotContent {
  readonly timesMs: readonly number[];
  readonly lines: readonly Line[];
  readonly shape: ChartShape;
  /** The time axis ends now and spans so much at most; default what the data spans. */
  readonly lastMs?: number | undefined;
  /** A line across the chart, such as the bound of an alert. */
  readonly bound?: number | undefined;
  readonly formatValue: (value: number) => string;
  /** At the marks of the axis; default as the values. */
  readonly formatMark?: ((value: number) => string) | undefined;
}

/** What stands under the cursor. */
export interface Pointed {
  readonly index: number;
  /** In pixels from the left of the chart. */
  readonly x: number;
  readonly toLeft: boolean;
}

export interface SeriesPlotOptions {
  readonly nowMs: () => number;
  readonly onPoint: (pointed: Pointed | undefined) => void;
  /** The highest value when it is cut off, so that what happens now can be seen. */
  readonly onPeak: (peak: number | undefined) => void;
}

/** One uPlot in an element: made anew when its structure changes, given new data when only that changes. */
export class SeriesPlot {
  readonly #element: HTMLElement;
  readonly #options: SeriesPlotOptions;
  readonly #observer: ResizeObserver;
  #plot: uPlot | undefined;
  #structure = '';
  #theme: ChartTheme | undefined;
  #content: SeriesPlotContent | undefined;
  #valueRange: ValueRange = { lowest: 0, highest: 0, peak: undefined };

  constructor(element: HTMLElement, options: SeriesPlotOptions) {
    this.#element = element;
    this.#options = options;
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(element);
  }

  show(content: SeriesPlotContent, theme: ChartTheme): void {
    const { bound, lines, shape, timesMs } = content;
    const before = this.#content;
    this.#content = content;
    const structure = JSON.stringify([
      lines.map(({ label, color }) => [label, color]),
      shape,
      bound,
      areDays(timesMs),
    ]);
    const isSame = structure === this.#structure && theme === this.#theme;
    if (isSame && timesMs === before?.timesMs && lines === before.lines) return;
    this.#structure = structure;
    this.#theme = theme;
    const data = alignedData(content);
    this.#valueRange = valueRangeOf(data.slice(1) as (number | null)[][], content.lastMs !== undefined);
    this.#options.onPeak(this.#valueRange.peak);
    if (isSame) this.#plot?.setData(data);
    else this.#make(content, { data, theme });
  }

  /** Moves the cursor to a point, as the mouse would. */
  point(index: number): void {
    const timeMs = this.#content?.timesMs[index];
    if (this.#plot === undefined || timeMs === undefined) return;
    this.#plot.setCursor({ left: this.#plot.valToPos(timeMs / 1_000, 'x'), top: 0 });
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #make(content: SeriesPlotContent, drawn: { data: uPlot.AlignedData; theme: ChartTheme }): void {
    const { data, theme } = drawn;
    this.#plot?.destroy();
    const { bound, lines, shape } = content;
    const options = chartOptions(
      {
        lines: drawingOrder(lines, shape),
        shape,
        isDaily: areDays(content.timesMs),
        theme,
        bound,
        formatValue: (value) => (this.#content?.formatMark ?? this.#content?.formatValue)?.(value) ?? '',
        range: () => this.#range(),
        valueRange: () => this.#valueRange,
        onCursor: (plot) => this.#options.onPoint(pointedAt(plot)),
      },
      { width: this.#element.clientWidth, height: this.#element.clientHeight },
    );
    this.#plot = new uPlot(options, data, this.#element);
  }

  #range(): readonly [number, number] | undefined {
    const { lastMs, shape, timesMs = [] } = this.#content ?? {};
    if (lastMs === undefined) return undefined;
    const [begin, end] = timeRangeOf(lastMs, this.#options.nowMs(), timesMs[0]);
    if (shape !== 'bars' || timesMs.length < 2) return [begin, end];
    // Bars stand on their time with half their width on either side.
    const half = smallestStep(timesMs) / 2;
    return [begin - half, Math.max(end, (timesMs.at(-1) as number) + half)];
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#element;
    if (width > 0 && height > 0) this.#plot?.setSize({ width, height });
  }
}

/**
 * Ends now; begins with the data where that is younger than `lastMs`, so that a first minute fills the chart.
 */
function timeRangeOf(lastMs: number, nowMs: number, firstMs: number | undefined): [number, number] {
  const shortest = lastMs / 10;
  const begin = Math.max(nowMs - lastMs, Math.min(firstMs ?? 0, nowMs - shortest));
  return [begin, nowMs];
}

function smallestStep(timesMs: readonly number[]): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < timesMs.length; i++) {
    smallest = Math.min(smallest, (timesMs[i] as number) - (timesMs[i - 1] as number));
  }
  return smallest;
}

function pointedAt(plot: uPlot): Pointed | undefined {
  const { idx, left } = plot.cursor;
  const time = idx === null || idx === undefined ? undefined : plot.data[0][idx];
  if (idx === null || idx === undefined || time === undefined || left === undefined || left < 0)
    return undefined;
  const x = plot.valToPos(time, 'x') + plot.bbox.left / devicePixelRatio;
  return { index: idx, x, toLeft: x > plot.width / 2 };
}

/**
 * Stacked shapes are drawn from the top down, each over the one before: the first line lies on the ground.
 */
function drawingOrder(lines: readonly Line[], shape: ChartShape): readonly Line[] {
  return shape === 'line' ? lines : lines.toReversed();
}

function alignedData({ timesMs, lines, shape }: SeriesPlotContent): uPlot.AlignedData {
  const times = timesMs.map((timeMs) => timeMs / 1_000);
  if (shape === 'line' || lines.length < 2) return [times, ...lines.map(({ values }) => [...values])];
  const sums = times.map(() => 0);
  const stacked = lines.map(({ values }) => {
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (values[i] ?? 0);
    return [...sums];
  });
  return [times, ...stacked.toReversed()];
}
