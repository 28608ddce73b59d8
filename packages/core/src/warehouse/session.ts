import type { SqlValue } from './port.ts';

/**
 * One connection of a SQL engine, as the loader and the model refresher use it inside the thread that owns
 * the data. Statements run in the order of the calls. Several statements may be joined by `;` in `run`.
 */
export interface SqlSession {
  run(sql: string, params?: readonly SqlValue[]): Promise<void>;
  /** All rows, by position. */
  rows(sql: string, params?: readonly SqlValue[]): Promise<SqlValue[][]>;
}

/** New raw rows of one topic inside the load's open transaction. */
export interface RawChange {
  /** `raw_events`; the rows are already in `raw.raw_events`. */
  readonly table: string;
  /**
   * The new rows alone, with the raw table's columns: a temporary table, such as `temp.main.new_raw_events`.
   * It exists between loads too (empty or with the last load's rows), and is made anew by each load: bind to
   * its name.
   */
  readonly newRows: string;
}

export interface RefreshReport {
  readonly changedTables: readonly string[];
  readonly modelsMs: Readonly<Record<string, number>>;
}

/** Keeps models equal to their full SQL. Called by the loader; implemented by the models room. */
export interface ModelRefresher {
  /**
   * After the raw tables were defined or widened, before the next load, outside a transaction: creates what
   * is missing, rebuilds what does not fit. Called again when raw tables gain columns, so it must be
   * repeatable.
   */
  prepare(session: SqlSession): Promise<void>;
  /** Inside the load's transaction, after rows and `raw.as_of` are written. Throwing rolls the load back. */
  refresh(session: SqlSession, changes: readonly RawChange[]): Promise<RefreshReport>;
  /**
   * Between loads, when there is time: whole refreshes that are due, samples compared with the full SQL.
   * Does at most one bounded piece of work in its own transaction; undefined when nothing was due.
   */
  idle(session: SqlSession, nowMs: number): Promise<RefreshReport | undefined>;
}
