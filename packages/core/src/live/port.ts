/** A table of values that changes: what a tile shows. */
export interface LiveResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly LiveValue[])[];
  /** The event time to which the answer is complete; undefined when unknown. */
  readonly watermarkMs: number | undefined;
}

export type LiveValue = string | number | boolean | null;

/**
 * Something that can be asked again and again: metric queries, stream results, the system's own figures.
 * The live room evaluates each distinct query once per change, whatever the number of viewers.
 */
export interface LiveSource<Query = unknown> {
  /** The `source` field of the queries that this source answers: `metrics`, `stream`, `system`. */
  readonly name: string;
  /** Rejects a malformed query with kind `input`, before anybody subscribes to it. */
  check(query: unknown): Query;
  evaluate(query: Query): Promise<LiveResult>;
  /** Calls `changed` whenever the answer may differ from the last evaluation. Returns the cancellation. */
  watch(query: Query, changed: () => void): () => void;
}

/** What travels to a viewer. A reader whose version is not `base`, or whose epoch differs, waits for the next snapshot. */
export type LiveMessage =
  | {
      readonly type: 'snapshot';
      readonly query: string;
      /** Changes when versions start again: server restart, changed dashboard. */
      readonly epoch: string;
      readonly version: number;
      readonly result: LiveResult;
      readonly evaluatedAtMs: number;
    }
  | {
      readonly type: 'delta';
      readonly query: string;
      readonly epoch: string;
      readonly base: number;
      readonly version: number;
      readonly delta: LiveDelta;
      readonly evaluatedAtMs: number;
    }
  | {
      /** The query cannot be answered now: `starting`, or an error with its remedy. */
      readonly type: 'state';
      readonly query: string;
      readonly epoch: string;
      readonly state: 'starting' | 'failed';
      readonly message: string;
    };

/** From one result to the next, by row position: rows that differ, and the new length. */
export interface LiveDelta {
  readonly rowCount: number;
  readonly changed: readonly (readonly [index: number, row: readonly LiveValue[]])[];
  readonly watermarkMs: number | undefined;
}
