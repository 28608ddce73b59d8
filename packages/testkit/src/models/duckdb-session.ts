import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import type { SqlSession, SqlValue } from '@millrace/core/warehouse';

/** A session over one DuckDB connection of its own instance, for tests of what runs inside the warehouse. */
export interface TestSession extends SqlSession, AsyncDisposable {
  /** The driver's connection, for what the port does not offer. */
  readonly connection: DuckDBConnection;
}

export interface TestSessionOptions {
  /** A database file, whose stem is the catalog; in memory by default. */
  readonly file?: string | undefined;
  /** Default 1 GB. */
  readonly memoryLimit?: string;
}

/**
 * Opens a database whose catalog is named `millrace`, as compiled SQL expects. Dispose of the session before the file
 * is opened again.
 */
export async function openTestSession(options: TestSessionOptions = {}): Promise<TestSession> {
  const { file, memoryLimit = '1GB' } = options;
  const instance = await DuckDBInstance.create(file ?? ':memory:', {
    threads: '2',
    memory_limit: memoryLimit,
  });
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
