import { stat } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { messageOf } from '@millrace/core/base';
import { quoteName, quoteText } from './dialect.ts';
import { dataFileError } from './errors.ts';

/** A column as DuckDB sees it in the file. */
export interface DataFileColumn {
  readonly name: string;
  /** DuckDB's type name: `VARCHAR`, `BIGINT`, `TIMESTAMP`, … */
  readonly type: string;
  /**
   * Smallest and largest value of a column of whole numbers; undefined for other types and without any value.
   */
  readonly range?: { readonly min: number; readonly max: number } | undefined;
}

export interface DataFileOptions {
  /** Only the first so many rows. Default all. */
  readonly rowsMax?: number;
}

export interface JsonRowsOptions {
  /** Field name → SQL expression over the file's columns. */
  readonly fields: Readonly<Record<string, string>>;
  /** Rows to leave out at the beginning. */
  readonly fromRow: number;
  readonly batchRows: number;
}

/** Types are derived from all rows: one far down must not break a reading that has begun. */
const READERS: Readonly<Record<string, (path: string) => string>> = {
  csv: (path) => `read_csv(${path}, sample_size = -1, hive_partitioning = false)`,
  tsv: (path) => `read_csv(${path}, sample_size = -1, hive_partitioning = false)`,
  ndjson: (path) => `read_ndjson(${path}, sample_size = -1, hive_partitioning = false)`,
  jsonl: (path) => `read_ndjson(${path}, sample_size = -1, hive_partitioning = false)`,
  parquet: (path) => `read_parquet(${path}, hive_partitioning = false)`,
};

const WHOLE_NUMBERS = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,0\))$/;

/**
 * A data file (CSV, TSV, NDJSON, each also with `.gz`, or Parquet) read by a DuckDB of its own, in memory:
 * never the one that holds the warehouse. Times without zone are UTC.
 */
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
    content: { columns: readonly DataFileColumn[]; rowCount: number };
  }) {
    this.#instance = parts.instance;
    this.#connection = parts.connection;
    this.#relation = parts.relation;
    this.columns = parts.content.columns;
    this.rowCount = parts.content.rowCount;
  }

  /**
   * `DATA_FILE_UNREADABLE` when the file is absent, of an unknown kind, empty, or not what its name says. A
   * file with a header alone has columns and no rows.
   */
  static async open(path: string, { rowsMax }: DataFileOptions = {}): Promise<DataFile> {
    const all = await relationOf(path);
    const relation = rowsMax === undefined ? all : `(select * from ${all} limit ${rowsMax})`;
    // Only who reads a file loads the engine: the program's own database lives in another thread.
    const duckdb = await import('@duckdb/node-api');
    const instance = await duckdb.DuckDBInstance.create(':memory:', { memory_limit: '512MB', threads: '2' });
    const connection = await instance.connect();
    try {
      await connection.run("set TimeZone = 'UTC'");
      const content = await readContent(connection, relation);
      return new DataFile({ instance, connection, relation, content });
    } catch (cause) {
      connection.closeSync();
      instance.closeSync();
      throw unreadable(path, messageOf(cause).split('\n\nLINE ')[0] as string, cause);
    }
  }

  /**
   * The rows in the file's order, each as one JSON object's text. `DATA_FILE_UNREADABLE` when one cannot be
   * read.
   */
  async *jsonRows(options: JsonRowsOptions): AsyncGenerator<string[]> {
    const { fields, fromRow, batchRows } = options;
    const members = Object.entries(fields).map(([name, sql]) => `${quoteName(name)} := ${sql}`);
    const rest = fromRow > 0 ? `offset ${fromRow}` : '';
    const sql = `select to_json(struct_pack(${members.join(', ')}))::varchar from ${this.#relation} ${rest}`;
    let batch: string[] = [];
    try {
      const result = await this.#connection.stream(sql);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) break;
        for (const row of chunk.getColumnValues(0)) {
          batch.push(row as string);
          if (batch.length < batchRows) continue;
          yield batch;
          batch = [];
        }
      }
    } catch (cause) {
      throw unreadable(this.#relation, messageOf(cause), cause);
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

async function relationOf(path: string): Promise<string> {
  const [, extension = ''] = /\.([a-z]+?)(?:\.gz)?$/i.exec(path) ?? [];
  const isZippedParquet = /\.parquet\.gz$/i.test(path);
  const reader = READERS[extension.toLowerCase()];
  if (reader === undefined || isZippedParquet) throw unreadable(path, 'files of this kind are not known');
  const file = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, 'there is no such file', cause);
  });
  if (!file.isFile()) throw unreadable(path, 'it is no file');
  if (file.size === 0) throw unreadable(path, 'it is empty');
  // DuckDB reads names as patterns: `day[1].csv` would mean `day1.csv`.
  return reader(quoteText(path.replaceAll(/[*?[]/g, '[$&]')));
}

async function readContent(
  connection: DuckDBConnection,
  relation: string,
): Promise<{ columns: DataFileColumn[]; rowCount: number }> {
  const described = await connection.runAndReadAll(`describe select * from ${relation}`);
  const plain = described.getRowObjects().map((row) => ({
    name: String(row['column_name']),
    type: String(row['column_type']),
  }));
  const whole = plain.filter(({ type }) => WHOLE_NUMBERS.test(type));
  const ranges = whole.flatMap(({ name }) => [
    `min(${quoteName(name)})::double`,
    `max(${quoteName(name)})::double`,
  ]);
  const measured = await connection.runAndReadAll(
    `select ${['count(*)::double', ...ranges].join(', ')} from ${relation}`,
  );
  const [rowCount, ...bounds] = measured.getRows()[0] as [number, ...(number | null)[]];
  const columns = plain.map((column) => {
    const place = whole.indexOf(column) * 2;
    const [min, max] = place < 0 ? [] : bounds.slice(place, place + 2);
    return { ...column, range: min == null || max == null ? undefined : { min, max } };
  });
  return { columns, rowCount };
}

function unreadable(place: string, reason: string, cause?: unknown): Error {
  return dataFileError('DATA_FILE_UNREADABLE', { message: `${place}: ${reason}`, details: { place }, cause });
}
