import type { ColumnType } from '../contract/index.ts';
import type { SqlSession } from './session.ts';

/**
 * A value as the loader hands it to an appender, by column type: `varchar` and `json` text; `integer` a
 * number; `bigint` a safe number or a bigint; `double` a number; `boolean` a boolean; `timestamp`
 * milliseconds since the epoch; `date` days since the epoch; `decimal(p,s)` the value times 10^s, a safe
 * number or a bigint.
 */
export type AppendValue = string | number | bigint | boolean | null;

export interface AppendColumn {
  readonly name: string;
  readonly type: ColumnType | 'integer';
}

/** Bulk insertion into one temporary table, inside the session's open transaction. */
export interface TableAppender {
  /** Adds `rowCount` rows, `columns[c][r]`; the arrays may be longer and are free again when it returns. */
  append(columns: readonly (readonly AppendValue[])[], rowCount: number): void;
  /** After it the rows can be read. To be called also when the load is given up. */
  close(): void;
}

/** How the engine writes names and types. */
export interface Dialect {
  /** An identifier, quoted. */
  name(identifier: string): string;
  /** A text literal, quoted. */
  text(value: string): string;
  /** The type as the engine's own catalogue calls it, upper case (`DECIMAL(12,2)`, `TIMESTAMP`). */
  type(type: AppendColumn['type']): string;
}

/** The session of the loader: SQL and bulk insertion. */
export interface AppendSession extends SqlSession {
  readonly dialect: Dialect;
  /** `temporaryTable` is its bare name; `columns` are all its columns, in its order. */
  openAppender(temporaryTable: string, columns: readonly AppendColumn[]): Promise<TableAppender>;
}
