import type { LiveRequest } from '@millrace/core/live/reader';

/**
 * `GET /v1/dashboards`, and the live query `{source: 'report', name: 'dashboards'}`: by name, in their order.
 */
export type DashboardsReport = Readonly<Record<string, DashboardEntry>>;

/** One file. A broken one keeps its last good dashboard and says what is wrong. */
export interface DashboardEntry {
  readonly name: string;
  readonly file: string;
  readonly dashboard?: Dashboard | undefined;
  readonly problems: readonly DashboardProblem[];
}

export interface DashboardProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Dashboard {
  readonly title: string;
  readonly description?: string | undefined;
  /** Dashboards are listed by it, then by name. Default 100. */
  readonly order: number;
  readonly tiles: readonly Tile[];
}

export type Tile = NumberTile | SeriesTile | BarTile | TableTile | AlertsTile | StatusTile;
export type TileKind = Tile['kind'];
export type TileQuery = LiveRequest['query'];

interface TileBase {
  /** Unique on its dashboard, stable while the title stays. */
  readonly id: string;
  readonly title: string;
  readonly description?: string | undefined;
  /** Columns of twelve on a wide screen. */
  readonly width: number;
  readonly query: TileQuery;
  /** Said when there are no rows. */
  readonly empty?: string | undefined;
}

/** The value of one column in the first row. */
export interface NumberTile extends TileBase {
  readonly kind: 'number';
  /** Default: the last column. */
  readonly value?: string | undefined;
  readonly format: TileFormat;
  /** A series below the number: its first column is the time, the last one the value. */
  readonly trend?: TileQuery | undefined;
}

/** Lines over time. */
export interface SeriesTile extends TileBase {
  readonly kind: 'series';
  readonly format: TileFormat;
  readonly shape: 'line' | 'area' | 'bars';
  /** Default: the first column. */
  readonly time?: string | undefined;
  /** Column whose values are lines of their own. */
  readonly by?: string | undefined;
  /** Default: every other column. Without `by`, each is a line. */
  readonly values: readonly LabelledColumn[];
  /** What the time axis spans; default what the data spans. */
  readonly lastMs?: number | undefined;
}

/** The longest bars first, as the query orders them. */
export interface BarTile extends TileBase {
  readonly kind: 'bar';
  /** Default: the first column. */
  readonly label?: string | undefined;
  /** Default: the last column. */
  readonly value?: string | undefined;
  readonly format: TileFormat;
}

export interface TableTile extends TileBase {
  readonly kind: 'table';
  /** Default: every column as it comes. */
  readonly columns: readonly TableColumn[];
}

/** The state of the alert rules. */
export interface AlertsTile extends TileBase {
  readonly kind: 'alerts';
}

/** The state of the hops of the pipeline. */
export interface StatusTile extends TileBase {
  readonly kind: 'status';
}

export interface LabelledColumn {
  readonly column: string;
  readonly label?: string | undefined;
}

export interface TableColumn extends LabelledColumn {
  readonly format?: TileFormat | undefined;
}

export interface TileFormat {
  readonly style: FormatStyle;
  /** Written after the number, such as `/s`. */
  readonly unit?: string | undefined;
  /** ISO 4217, for `currency`. */
  readonly currency?: string | undefined;
  readonly decimals?: number | undefined;
}

/**
 * `percent` multiplies by 100; `duration` and `time` take milliseconds (`time` also ISO text);
 * `age` says how long ago a time was.
 */
export type FormatStyle =
  | 'number'
  | 'compact'
  | 'percent'
  | 'currency'
  | 'duration'
  | 'bytes'
  | 'time'
  | 'age'
  | 'text';
