import type { DuckDBConnection } from '@duckdb/node-api';
import type { AppendSession, SqlValue, TableAppender } from '@millrace/core/warehouse';
import { ChunkAppender } from './appender.ts';
import { duckdbDialect } from './dialect.ts';
import { translate } from './errors.ts';
import { appendChunk, bindParams } from './values.ts';

/** The loader's connection. Its temporary tables are its own. */
export class DuckdbSession implements AppendSession {
  readonly dialect = duckdbDialect;
  readonly #connection: DuckDBConnection;
  readonly #file: string;

  constructor(connection: DuckDBConnection, file: string) {
    this.#connection = connection;
    this.#file = file;
  }

  async run(sql: string, params?: readonly SqlValue[]): Promise<void> {
    await this.#translated(async () => {
      if (params === undefined) await this.#connection.run(sql);
      else await this.#withParams(sql, params);
    });
  }

  rows(sql: string, params?: readonly SqlValue[]): Promise<SqlValue[][]> {
    return this.#translated(async () => {
      const result = await (params === undefined ? this.#connection.run(sql) : this.#withParams(sql, params));
      const columns: SqlValue[][] = result.columnNames().map(() => []);
      for (const chunk of await result.fetchAllChunks()) appendChunk(chunk, columns);
      const rowCount = columns[0]?.length ?? 0;
      return Array.from({ length: rowCount }, (_, row) => columns.map((values) => values[row]!));
    });
  }

  openAppender(temporaryTable: string): Promise<TableAppender> {
    return this.#translated(async () => {
      const appender = await this.#connection.createAppender(temporaryTable, 'main', 'temp');
      return new ChunkAppender(appender);
    });
  }

  async #withParams(sql: string, params: readonly SqlValue[]) {
    const statement = await this.#connection.prepare(sql);
    try {
      bindParams(statement, params);
      return await statement.run();
    } finally {
      statement.destroySync();
    }
  }

  async #translated<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw translate(error, { doing: 'statement', file: this.#file });
    }
  }
}
