import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import type { SqlSession, SqlValue } from '@millrace/core/warehouse';

/** A session over one DuckDB connection of its own instance, for tests of what runs inside the warehouse. */
export interface TestSession extends SqlSession, AsyncDisposable {
  /** The driver's connection, for what the port does not offer. */
  readonly connection: DuckDBConnection;
}

/**
 * Opens an in-memory catalog, or a file whose stem is the catalog, named `millrace` as compiled SQL expects.
 * Dispose of the session before the file is opened again.
 */
export async function openTestSession(file?: string): Promise<TestSession> {
  const instance = await DuckDBInstance.create(file ?? ':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  if (file === undefined) await connection.run("attach ':memory:' as millrace; use millrace");
  return {
    connection,
    async run(sql, params) {
      await connection.run(sql, params as DuckDBValue[] | undefined);
    },
    async rows(sql, params) {
      const reader = await connection.runAndReadAll(sql, params as DuckDBValue[] | undefined);
      return reader.getRowsJS().map((row) => row.map(toSqlValue));
    },
    async [Symbol.asyncDispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

function toSqlValue(value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return value.toISOString().replace('Z', '');
  return JSON.stringify(value, (_key, held: unknown) => (typeof held === 'bigint' ? String(held) : held));
}
