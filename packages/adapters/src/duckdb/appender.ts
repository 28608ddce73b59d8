import {
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  type DuckDBAppender,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { assert } from '@millrace/core/base';
import type { AppendValue, TableAppender } from '@millrace/core/warehouse';

const CHUNK_ROWS_MAX = 2048;

/** DuckDB's appender, fed by whole chunks. It blocks the thread: microseconds a row, and no commit inside. */
export class ChunkAppender implements TableAppender {
  readonly #appender: DuckDBAppender;
  readonly #types: readonly DuckDBType[];
  #isOpen = true;

  constructor(appender: DuckDBAppender) {
    this.#appender = appender;
    this.#types = Array.from({ length: appender.columnCount }, (_, index) => appender.columnType(index));
  }

  append(columns: readonly (readonly AppendValue[])[], rowCount: number): void {
    assert(rowCount <= CHUNK_ROWS_MAX, 'a chunk holds 2,048 rows at most');
    assert(columns.length === this.#types.length, 'an appender takes all columns of its table');
    const chunk = DuckDBDataChunk.create(this.#types, rowCount);
    this.#types.forEach((type, index) => {
      const vector = chunk.getColumnVector(index);
      const toDuckdb = encoderOf(type);
      const values = columns[index]!;
      for (let row = 0; row < rowCount; row++) {
        const value = values[row] ?? null;
        vector.setItem(row, value === null ? null : toDuckdb(value));
      }
      vector.flush();
    });
    this.#appender.appendDataChunk(chunk);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#appender.closeSync();
  }
}

type Encoder = (value: Exclude<AppendValue, null>) => DuckDBValue;

function encoderOf(type: DuckDBType): Encoder {
  if (type.typeId === DuckDBTypeId.BIGINT) return (value) => BigInt(value);
  if (type.typeId === DuckDBTypeId.TIMESTAMP)
    return (value) => new DuckDBTimestampValue(BigInt(value) * 1000n);
  if (type.typeId === DuckDBTypeId.DATE) return (value) => new DuckDBDateValue(value as number);
  if (type.typeId !== DuckDBTypeId.DECIMAL) return (value) => value;
  const { width, scale } = type;
  return (value) => new DuckDBDecimalValue(BigInt(value), width, scale);
}
