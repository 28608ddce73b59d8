import { StatementType, type DuckDBConnection, type DuckDBPreparedStatement } from '@duckdb/node-api';
import { sleep, type Clock, type Histogram, type Meter } from '@millrace/core/base';
import { warehouseError, type QueryOptions, type SqlResult, type SqlValue } from '@millrace/core/warehouse';
import type { Database } from './database.ts';
import { translate } from './errors.ts';
import { appendChunk, bindParams } from './values.ts';

const ROWS_MAX_DEFAULT = 10_000;
const TIMEOUT_MS_DEFAULT = 30_000;
const WAITING_MAX = 1000;
/** An interruption between two statements is lost, so it is repeated until the query has ended. */
const INTERRUPT_EVERY_MS = 20;

/** The first statement that touches data fixes the snapshot. */
const BEGIN = 'begin transaction read only; select epoch_ms(as_of) from raw.as_of';

/** A query that waits for a connection. */
interface Waiting {
  readonly resolve: (connection: DuckDBConnection) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Queries on connections of their own, a few at a time. Each is one read-only transaction: rows and `as_of`
 * come from one snapshot, and the engine itself refuses to write.
 */
export class QueryPool {
  readonly #database: Database;
  readonly #connectionsMax: number;
  readonly #clock: Clock;
  readonly #durationMs: Histogram;
  readonly #waitMs: Histogram;
  readonly #free: DuckDBConnection[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #busy = new Set<DuckDBConnection>();
  readonly #broken = new Set<DuckDBConnection>();
  #opened = 0;
  #opening = 0;
  #isClosed = false;

  constructor(options: { database: Database; connectionsMax: number; clock: Clock; meter: Meter }) {
    this.#database = options.database;
    this.#connectionsMax = options.connectionsMax;
    this.#clock = options.clock;
    this.#durationMs = options.meter.histogram(
      'warehouse_query_duration_ms',
      'Queries, from a free connection to the last row',
    );
    this.#waitMs = options.meter.histogram(
      'warehouse_query_wait_ms',
      'Queries waiting for a free connection',
    );
  }

  /** See `Warehouse.query`. Waiting counts as part of the time limit. */
  async query(sql: string, options: QueryOptions): Promise<SqlResult> {
    const askedMs = this.#clock.monotonicMs();
    const deadlineMs = askedMs + (options.timeoutMs ?? TIMEOUT_MS_DEFAULT);
    const connection = await this.#acquire(deadlineMs);
    const startedMs = this.#clock.monotonicMs();
    this.#waitMs.observe(startedMs - askedMs);
    try {
      return await this.#answer(connection, { sql, options, deadlineMs });
    } finally {
      this.#durationMs.observe(this.#clock.monotonicMs() - startedMs);
      this.#busy.delete(connection);
      this.#release(connection);
    }
  }

  /** Interrupts what runs, refuses what waits, and resolves when no connection is in use. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(warehouseError('WAREHOUSE_CLOSED'));
    while (this.#busy.size > 0 || this.#opening > 0) {
      for (const connection of this.#busy) connection.interrupt();
      await sleep(this.#clock, INTERRUPT_EVERY_MS);
    }
  }

  async #acquire(deadlineMs: number): Promise<DuckDBConnection> {
    if (this.#isClosed) throw warehouseError('WAREHOUSE_CLOSED');
    const free = this.#free.pop();
    if (free !== undefined) return this.#take(free);
    if (this.#opened < this.#connectionsMax) {
      this.#opened++;
      return this.#openConnection();
    }
    if (this.#waiting.length >= WAITING_MAX) throw warehouseError('WAREHOUSE_BUSY', { retryAfterMs: 1000 });
    return this.#waitForConnection(deadlineMs);
  }

  #waitForConnection(deadlineMs: number): Promise<DuckDBConnection> {
    return new Promise((resolve, reject) => {
      const expire = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(
          warehouseError('WAREHOUSE_QUERY_TIMEOUT', {
            message: 'The query waited too long for a free connection.',
          }),
        );
      };
      const cancel = this.#clock.schedule(expire, deadlineMs - this.#clock.monotonicMs());
      const waiting: Waiting = {
        resolve: (connection) => {
          cancel();
          resolve(connection);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      };
      this.#waiting.push(waiting);
    });
  }

  async #openConnection(): Promise<DuckDBConnection> {
    try {
      this.#opening++;
      return this.#take(await this.#database.connect());
    } catch (error) {
      this.#opened--;
      throw translate(error, { doing: 'statement', file: this.#database.file });
    } finally {
      this.#opening--;
    }
  }

  /** At once, so that `close` sees it although the query goes on a little later. */
  #take(connection: DuckDBConnection): DuckDBConnection {
    this.#busy.add(connection);
    return connection;
  }

  #release(connection: DuckDBConnection): void {
    const next = this.#waiting.shift();
    if (!this.#broken.delete(connection)) {
      if (next === undefined) this.#free.push(connection);
      else next.resolve(this.#take(connection));
      return;
    }
    this.#database.disconnect(connection);
    this.#opened--;
    if (next === undefined) return;
    this.#opened++;
    this.#openConnection().then(next.resolve, next.reject);
  }

  async #answer(
    connection: DuckDBConnection,
    query: { sql: string; options: QueryOptions; deadlineMs: number },
  ): Promise<SqlResult> {
    let isLate = false;
    const interrupt = () => {
      isLate = true;
      connection.interrupt();
      cancel = this.#clock.schedule(interrupt, INTERRUPT_EVERY_MS);
    };
    let cancel = this.#clock.schedule(interrupt, query.deadlineMs - this.#clock.monotonicMs());
    try {
      return await this.#read(connection, query.sql, query.options);
    } catch (error) {
      const translated = translate(error, { doing: 'query', file: this.#database.file });
      if (isLate) throw timeout(query.options, translated);
      throw this.#isClosed ? warehouseError('WAREHOUSE_CLOSED', { cause: translated }) : translated;
    } finally {
      cancel();
    }
  }

  async #read(connection: DuckDBConnection, sql: string, options: QueryOptions): Promise<SqlResult> {
    const statements = await extract(connection, sql);
    if (statements.count !== 1) throw warehouseError('WAREHOUSE_QUERY_MULTIPLE');
    try {
      const asOf = await connection.run(BEGIN);
      const asOfMs = (await asOf.getRowsJS())[0]?.[0];
      const statement = await statements.prepare(0);
      try {
        if (!READS.has(statement.statementType)) throw warehouseError('WAREHOUSE_QUERY_WRITES');
        if (options.params !== undefined) bindParams(statement, options.params);
        const rows = await collect(statement, options.rowsMax ?? ROWS_MAX_DEFAULT);
        return { ...rows, asOfMs: asOfMs == null ? undefined : Number(asOfMs) };
      } finally {
        statement.destroySync();
      }
    } finally {
      await this.#endTransaction(connection);
    }
  }

  /** A connection that cannot end its transaction is of no use any more. */
  async #endTransaction(connection: DuckDBConnection): Promise<void> {
    try {
      await connection.run('rollback');
    } catch {
      this.#broken.add(connection);
    }
  }
}

/** `explain` of what would write is refused by the read-only transaction. */
const READS: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN]);

async function extract(connection: DuckDBConnection, sql: string) {
  try {
    return await connection.extractStatements(sql);
  } catch (cause) {
    // For text without any statement DuckDB has no message.
    if (cause instanceof Error && !cause.message.includes('native callback')) throw cause;
    throw warehouseError('WAREHOUSE_QUERY_INVALID', { message: 'The text holds no statement.', cause });
  }
}

/** Streams, so that a result beyond `rowsMax` is never held. */
async function collect(
  statement: DuckDBPreparedStatement,
  rowsMax: number,
): Promise<Pick<SqlResult, 'names' | 'types' | 'columns'>> {
  const result = await statement.stream();
  const names = result.columnNames();
  const types = result.columnTypes().map((type) => type.alias ?? String(type));
  const columns: SqlValue[][] = names.map(() => []);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return { names, types, columns };
    appendChunk(chunk, columns);
    const rows = columns[0]?.length ?? 0;
    if (rows > rowsMax) {
      const message = `The result has more than ${rowsMax} rows.`;
      throw warehouseError('WAREHOUSE_TOO_MANY_ROWS', { message, details: { rowsMax } });
    }
  }
}

function timeout({ timeoutMs = TIMEOUT_MS_DEFAULT }: QueryOptions, cause: Error) {
  const message = `The query took longer than ${timeoutMs} ms.`;
  return warehouseError('WAREHOUSE_QUERY_TIMEOUT', { message, details: { timeoutMs }, cause });
}
