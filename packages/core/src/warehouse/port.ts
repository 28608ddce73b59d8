import type { TableSchema } from '../contract/index.ts';

/**
 * A value as it crosses the port: timestamps are ISO text without a zone (UTC), decimals and big integers are
 * text.
 */
export type SqlValue = string | number | boolean | null;

/** A result by columns: `columns[c][r]`. */
export interface SqlResult {
  readonly names: readonly string[];
  /** The engine's own type names (`BIGINT`, `TIMESTAMP`, …). */
  readonly types: readonly string[];
  readonly columns: readonly (readonly SqlValue[])[];
  /**
   * `as_of` of the same snapshot: everything accepted before it is in the rows. Undefined before the first
   * load.
   */
  readonly asOfMs: number | undefined;
}

/** Encoded record batches of one partition, as the log holds them, in order. */
export interface LoadPart {
  readonly topic: string;
  readonly partition: number;
  /** Records below this offset are skipped: they were loaded before. */
  readonly fromOffset: number;
  readonly batches: readonly Uint8Array[];
}

/** How far one partition is loaded; `rows + rejectedRows + expiredRecords` is always `nextOffset`. */
export interface LoadedOffset {
  readonly topic: string;
  readonly partition: number;
  /** The first offset that is not loaded. */
  readonly nextOffset: number;
  /** Records that became rows of the raw table. */
  readonly rows: number;
  /**
   * Records that could not become rows; the newest of them are in `meta.rejected_rows`, with reason and
   * position.
   */
  readonly rejectedRows: number;
  /** Offsets without a record: deleted from the log (retention) before they were loaded. */
  readonly expiredRecords: number;
}

/** What one load did; the rows, the model changes and the loaded offsets were one transaction. */
export interface LoadReceipt {
  readonly rows: number;
  /** Records diverted to `meta.rejected_rows`. */
  readonly rejectedRows: number;
  /** `as_of` after the load. */
  readonly asOfMs: number;
  /** Where each partition stands that the load moved. */
  readonly loaded: readonly LoadedOffset[];
  /**
   * Relations whose contents changed, `schema.table`. Their data versions were raised before this was sent.
   */
  readonly changedTables: readonly string[];
  /**
   * First byte received of the newest and oldest event, and how many events of each age: what latency is
   * computed from.
   */
  readonly createdAtMs: readonly { readonly createdAtMs: number; readonly count: number }[];
  /** Events that carry this mark were replayed and stay out of latency figures. */
  readonly replayedRows: number;
  readonly timings: LoadTimings;
}

export interface LoadTimings {
  readonly decodeMs: number;
  readonly appendMs: number;
  readonly refreshMs: number;
  readonly commitMs: number;
  /** By model name, milliseconds of the refresh. */
  readonly modelsMs: Readonly<Record<string, number>>;
}

export interface QueryOptions {
  readonly params?: readonly SqlValue[];
  /** Default 10,000; more rows than this is an error, `WAREHOUSE_TOO_MANY_ROWS`. */
  readonly rowsMax?: number;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Where events come to rest and SQL is asked. One process owns the data; everyone else goes through this
 * port.
 */
export interface Warehouse {
  /**
   * Creates or widens the raw table of each topic. `WAREHOUSE_SCHEMA_CONFLICT` when a column changed its
   * type.
   */
  defineTables(tables: readonly TableSchema[]): Promise<void>;
  /** Where loading goes on: every partition ever loaded, by topic and partition. */
  loadedOffsets(): Promise<readonly LoadedOffset[]>;
  /**
   * Loads batches exactly once: rows, refreshed models and loaded offsets commit together; a part at or below
   * the loaded offsets is skipped. One load at a time. `nowMs` becomes `as_of`, which never goes back: the
   * caller says that everything accepted before it is in the parts or was loaded before. Without parts only
   * `as_of` and what depends on it move on. A record that cannot be converted to its columns is diverted,
   * never an obstacle. Rejects with kind `transient` (`WAREHOUSE_REFRESH_FAILED`, `WAREHOUSE_DISK_FULL`, …)
   * when nothing was changed and the same parts may be tried again, after reading `loadedOffsets` anew.
   */
  load(parts: readonly LoadPart[], nowMs: number): Promise<LoadReceipt>;
  /** Reads; a statement that writes is refused. All rows come from one snapshot. */
  query(sql: string, options?: QueryOptions): Promise<SqlResult>;
  /**
   * The data version of each relation (`schema.table`); it grows with each commit that changed the relation.
   */
  versions(): ReadonlyMap<string, number>;
  /**
   * Calls the listener after each commit that changed relations (`schema.table`), loads and slower refreshes
   * alike; their versions were raised before. Returns the cancellation.
   */
  onChange(listener: (tables: ReadonlySet<string>) => void): () => void;
  /** Writes back what is pending; called when the queue is empty or on a schedule. */
  checkpoint(): Promise<{ readonly durationMs: number }>;
  close(): Promise<void>;
}
