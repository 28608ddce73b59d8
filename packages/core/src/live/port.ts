/** A value of a live table, as it travels in JSON. */
export type LiveValue = string | number | boolean | null;

export type LiveRow = readonly LiveValue[];

/** A table of values that changes: what a tile shows. */
export interface LiveResult {
  readonly columns: readonly string[];
  readonly rows: readonly LiveRow[];
  /** The event time to which the answer is complete; undefined when unknown. */
  readonly watermarkMs?: number | undefined;
}

/**
 * Who asks: claims of a verified token, or `{}` for the local user. Sources that filter by it answer each
 * context apart.
 */
export type LiveContext = Readonly<Record<string, unknown>>;

/**
 * Something that can be asked again and again: metric queries, stream results, the system's own figures.
 * The hub evaluates each distinct query once per change, whatever the number of viewers.
 */
export interface LiveSource<Query = unknown> {
  /** The `source` field of the queries that this source answers: `metrics`, `stream`, `system`, `report`. */
  readonly name: string;
  /** True when the answer depends on who asks. */
  readonly contextual?: boolean;
  /**
   * How many evaluations may run at the same time; default no bound. Others wait, the longest-waiting first.
   */
  readonly concurrencyMax?: number;
  /**
   * Returns the query in its normal form (defaults filled in, fields in a fixed order: equal queries are
   * equal as JSON). Throws kind `input` for a malformed one, before anybody is subscribed to it.
   */
  check(query: Readonly<Record<string, unknown>>): Query;
  /** Throws `LIVE_SOURCE_STARTING` while the answer has to wait for a part that is still loading. */
  evaluate(query: Query, context: LiveContext): Promise<LiveResult>;
  /** Calls `changed` whenever the answer may differ from the last evaluation. Returns the cancellation. */
  watch(query: Query, changed: () => void): () => void;
}

/**
 * What travels to a viewer, as one JSON object. `query` is the id that the viewer chose for the query.
 * A reader whose version is not `base`, or whose epoch differs, must ask for a snapshot.
 */
export type LiveMessage = LiveSnapshot | LiveChange | LiveTrouble;

export interface LiveSnapshot {
  readonly type: 'snapshot';
  readonly query: string;
  /** Changes when versions start again: one per start of the server. */
  readonly epoch: string;
  readonly version: number;
  readonly result: LiveResult;
  /** When the evaluation that read these rows began, by the server's clock. */
  readonly evaluatedAtMs: number;
}

/** `base` equal to `version` says: what you have is current. */
export interface LiveChange {
  readonly type: 'delta';
  readonly query: string;
  readonly epoch: string;
  readonly base: number;
  readonly version: number;
  readonly delta: LiveDelta;
  readonly evaluatedAtMs: number;
}

/** The query cannot be answered now; the last result, if there is one, stays on show. */
export interface LiveTrouble {
  readonly type: 'trouble';
  readonly query: string;
  readonly epoch: string;
  readonly state: 'starting' | 'failed';
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/**
 * From one result to the next with the same columns. First the rows move by `shift` (positive: so many
 * leading rows are gone; negative: so many places opened at the front), then the length becomes `rowCount`,
 * then `changed` is set.
 */
export interface LiveDelta {
  readonly shift: number;
  readonly rowCount: number;
  readonly changed: readonly (readonly [index: number, row: LiveRow])[];
  readonly watermarkMs?: number | undefined;
}

/** One query that a viewer wants, under an id of its own choice. */
export interface LiveRequest {
  /** At most 64 characters. */
  readonly id: string;
  readonly query: Readonly<Record<string, unknown>>;
  /**
   * Absent: go on from what this connection was sent (nothing, for a new query). Given: what the viewer holds
   * from an earlier connection; a current one costs no rows. Null: the viewer missed something and needs a
   * snapshot.
   */
  readonly known?: { readonly epoch: string; readonly version: number } | null | undefined;
}
