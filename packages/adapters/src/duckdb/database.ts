import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import {
  CATALOG,
  instanceSettings,
  LOCK_DOWN,
  ROW_GROUP_SIZE,
  STORAGE_VERSION,
  type DatabaseSettings,
} from './config.ts';
import { quoteText } from './dialect.ts';
import { translate } from './errors.ts';

/** The open file. There must be one per file and process: a second one would lose rows without an error. */
export class Database {
  readonly file: string;
  readonly #instance: DuckDBInstance;
  readonly #connections = new Set<DuckDBConnection>();

  private constructor(instance: DuckDBInstance, file: string) {
    this.#instance = instance;
    this.file = file;
  }

  /** `WAREHOUSE_FILE_IN_USE`, `WAREHOUSE_FILE_CORRUPT`, `WAREHOUSE_FILE_UNREADABLE`: each names the file. */
  static async open(settings: DatabaseSettings): Promise<Database> {
    const instance = await DuckDBInstance.create(':memory:', instanceSettings(settings));
    const database = new Database(instance, settings.file);
    try {
      const connection = await instance.connect();
      database.#connections.add(connection);
      const options = `row_group_size ${ROW_GROUP_SIZE}, storage_version ${quoteText(STORAGE_VERSION)}`;
      await connection.run(`attach ${quoteText(settings.file)} as ${CATALOG} (${options})`);
      await connection.run(LOCK_DOWN);
      return database;
    } catch (error) {
      database.close();
      throw translate(error, { doing: 'open', file: settings.file });
    }
  }

  /** A new connection whose names without a catalogue mean the file. */
  async connect(): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect();
    this.#connections.add(connection);
    await connection.run(`use ${CATALOG}`);
    return connection;
  }

  disconnect(connection: DuckDBConnection): void {
    this.#connections.delete(connection);
    connection.closeSync();
  }

  /** Releases the file; what the write-ahead log holds is written back. */
  close(): void {
    for (const connection of this.#connections) connection.closeSync();
    this.#connections.clear();
    this.#instance.closeSync();
  }
}
