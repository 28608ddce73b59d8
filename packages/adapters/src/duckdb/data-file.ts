import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { MillraceError, messageOf } from '@millrace/core/base';
import { quoteName, quoteText } from './dialect.ts';

/** A column as DuckDB sees it in the file. */
export interface DataFileColumn {
  readonly name: string;
  /** DuckDB's type name: `VARCHAR`, `BIGINT`, `TIMESTAMP`, … */
  readonly type: string;
}

export interface JsonRowsOptions {
  /** Field name → SQL expression over the file's columns. */
  readonly fields: Readonly<Record<string, string>>;
  /** Rows to leave out at the beginning. */
  readonly fromRow: number;
  readonly batchRows: number;
}

const READERS: Readonly<Record<string, string>> = {
  csv: 'read_csv',
  tsv: 'read_csv',
  parquet: 'read_parquet',
  ndjson: 'read_ndjson',
  jsonl: 'read_ndjson',
};

/** A data file (CSV, Parquet, NDJSON) read by a DuckDB of its own, in memory: never the one that holds the warehouse. */
export class DataFile implements AsyncDisposable {
  readonly columns: readonly DataFileColumn[];
  readonly rowCount: number;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  /** `read_parquet('…')`: what stands after `from`. */
  readonly #relation: string;

  private constructor(parts: {
    instance: DuckDBInstance;
    connection: DuckDBConnection;
    relation: string;
    columns: readonly DataFileColumn[];
    rowCount: number;
  }) {
    this.#instance = parts.instance;
    this.#connection = parts.connection;
    this.#relation = parts.relation;
    this.columns = parts.columns;
    this.rowCount = parts.rowCount;
  }

  /** `DATA_FILE_UNREADABLE` when the file is absent, of an unknown kind, or not what its name says. */
  static async open(path: string): Promise<DataFile> {
    const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
    const reader = READERS[extension];
    if (reader === undefined) throw unreadable(path, `files of kind .${extension} are not known`);
    const instance = await DuckDBInstance.create(':memory:', { memory_limit: '512MB', threads: '2' });
    const connection = await instance.connect();
    const relation = `${reader}(${quoteText(path)})`;
    try {
      const described = await connection.runAndReadAll(`describe select * from ${relation}`);
      const columns = described.getRowObjects().map((row) => ({
        name: String(row['column_name']),
        type: String(row['column_type']),
      }));
      const counted = await connection.runAndReadAll(`select count(*)::integer from ${relation}`);
      const rowCount = Number(counted.getRows()[0]?.[0]);
      return new DataFile({ instance, connection, relation, columns, rowCount });
    } catch (cause) {
      connection.closeSync();
      instance.closeSync();
      throw unreadable(path, messageOf(cause), cause);
    }
  }

  /** The rows in the file's order, each as one JSON object's text. */
  async *jsonRows(options: JsonRowsOptions): AsyncGenerator<string[]> {
    const fields = Object.entries(options.fields).map(([name, sql]) => `${quoteName(name)} := ${sql}`);
    const sql = `select to_json(struct_pack(${fields.join(', ')}))::varchar from ${this.#relation} offset ${options.fromRow}`;
    const result = await this.#connection.stream(sql);
    let batch: string[] = [];
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      for (const row of chunk.getColumnValues(0)) {
        batch.push(row as string);
        if (batch.length < options.batchRows) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  /** The rows of one query over the file, which the text calls `file`. */
  async query(sql: string): Promise<unknown[][]> {
    const result = await this.#connection.runAndReadAll(
      `with file as (select * from ${this.#relation}) ${sql}`,
    );
    return result.getRowsJson();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    return Promise.resolve();
  }
}

function unreadable(path: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'DATA_FILE_UNREADABLE',
    {
      kind: 'config',
      cause: 'The data file cannot be read.',
      remedy: `Give the path of a readable .csv, .tsv, .parquet, .ndjson or .jsonl file.`,
    },
    { message: `${path}: ${reason}`, details: { path }, cause },
  );
}
