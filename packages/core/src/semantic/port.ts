/** A metric query: Cube's REST query object, passed through unchanged. */
export interface MetricQuery {
  readonly measures?: readonly string[];
  readonly dimensions?: readonly string[];
  readonly segments?: readonly string[];
  readonly filters?: readonly unknown[];
  readonly timeDimensions?: readonly {
    readonly dimension: string;
    readonly granularity?: string;
    readonly dateRange?: string | readonly string[];
    readonly compareDateRange?: readonly (string | readonly string[])[];
  }[];
  readonly order?: Readonly<Record<string, 'asc' | 'desc'>> | readonly (readonly [string, 'asc' | 'desc'])[];
  readonly limit?: number;
  readonly offset?: number;
  readonly timezone?: string;
}

export interface MetricResult {
  /** Member names in the order of the columns (`orders.count`, `orders.created_at.day`). */
  readonly members: readonly string[];
  /** Rows by position; numbers are numbers where they fit, else text. */
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
  /** The time to which the answer is complete, read with the rows; undefined before the first load. */
  readonly watermarkMs: number | undefined;
}

/** What the caller may see: claims of a verified token, or `{}` for the local user. */
export type SecurityContext = Readonly<Record<string, unknown>>;

/** Metrics over the warehouse; Cube fills it. */
export interface SemanticLayer {
  /** `starting` until the first query can be answered; `failed` carries the reason. */
  readonly state: { readonly status: 'starting' | 'ready' | 'failed'; readonly reason?: string };
  onStateChange(listener: () => void): () => void;
  /** Answers on the data version of this moment or a later one, never an older one. */
  load(query: MetricQuery, securityContext: SecurityContext): Promise<MetricResult>;
  /** The relations (`schema.table`) that the query reads: when one of them changes, so may the answer. */
  tablesOf(query: MetricQuery): Promise<ReadonlySet<string>>;
  /** Cubes with their measures and dimensions, as Cube's `/meta` has them. */
  meta(securityContext: SecurityContext): Promise<unknown>;
  close(): Promise<void>;
}
