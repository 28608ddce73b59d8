import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import {
  serveQueries,
  TableVersions,
  warehouseError,
  type QueryOptions,
  type SqlResult,
  type SqlValue,
} from '@millrace/core/warehouse';

type Hook = (sql: string) => Promise<void> | void;

/** A small DuckDB in this thread that answers another one over the real query channel. */
export class ChannelWarehouse {
  readonly versions: TableVersions;
  readonly queries: string[] = [];
  /** Called around each query of the Cube thread. */
  before: Hook = () => {};
  after: Hook = () => {};
  readonly #connection: DuckDBConnection;
  readonly #ports: MessagePort[] = [];
  #asOfMs: number | undefined;

  private constructor(connection: DuckDBConnection, tables: readonly string[]) {
    this.#connection = connection;
    this.versions = new TableVersions(tables);
  }

  /** `setup`: statements that make the tables, joined by `;`. */
  static async open(setup: string, tables: readonly string[]): Promise<ChannelWarehouse> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '2',
      enable_external_access: 'false',
    });
    const warehouse = new ChannelWarehouse(await instance.connect(), tables);
    await warehouse.change(setup);
    return warehouse;
  }

  openPort(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    serveQueries(port1, (sql, options) => this.#execute(sql, options));
    this.#ports.push(port1);
    return port2;
  }

  /** Rows of plain SQL, for comparison. */
  async rows(sql: string): Promise<SqlValue[][]> {
    const { columns } = await this.#read(sql, []);
    return (columns[0] ?? []).map((_, row) => columns.map((column) => column[row] as SqlValue));
  }

  /** Changes data as the loader does: the versions rise after it is done. */
  async change(sql: string, ...tables: string[]): Promise<void> {
    await this.#connection.run(sql);
    for (const table of tables) this.versions.bump(table);
  }

  /** Sends what no warehouse sends: an error that nobody catches ends the Cube thread. */
  poison(): void {
    for (const port of this.#ports) port.postMessage(null);
  }

  setAsOf(asOfMs: number): void {
    this.#asOfMs = asOfMs;
  }

  close(): void {
    for (const port of this.#ports) port.close();
    this.#connection.closeSync();
  }

  async #execute(sql: string, { params = [] }: QueryOptions): Promise<SqlResult> {
    this.queries.push(sql);
    await this.before(sql);
    try {
      return await this.#read(sql, params);
    } catch (error) {
      throw warehouseError('WAREHOUSE_QUERY_INVALID', { message: (error as Error).message });
    } finally {
      await this.after(sql);
    }
  }

  async #read(sql: string, params: readonly SqlValue[]): Promise<SqlResult> {
    const asOfMs = this.#asOfMs;
    const reader = await this.#connection.runAndReadAll(sql, [...params]);
    const types = reader.columnTypes();
    const columns = reader.getColumns().map((column) => column.map(valueOf));
    return { names: reader.columnNames(), types: types.map(String), columns, asOfMs };
  }
}

/**
 * As the port of the warehouse has it: times as ISO text without a zone, decimals and big integers as text.
 */
function valueOf(value: DuckDBValue): SqlValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return String(value).replace(/^(\d{4}-\d\d-\d\d) (\d\d:)/, '$1T$2');
}
