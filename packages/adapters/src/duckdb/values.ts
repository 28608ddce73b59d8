import {
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  JsonDuckDBValueConverter,
  type DuckDBDataChunk,
  type DuckDBPreparedStatement,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '@millrace/core/base';
import type { SqlValue } from '@millrace/core/warehouse';

/** Appends the chunk's columns to `columns`, converted: what the port says about values is decided here. */
export function appendChunk(chunk: DuckDBDataChunk, columns: readonly SqlValue[][]): void {
  const { rowCount } = chunk;
  columns.forEach((values, index) => {
    const vector = chunk.getColumnVector(index);
    const { type } = vector;
    const convert = CONVERTERS.get(type.typeId) ?? String;
    for (let row = 0; row < rowCount; row++) {
      const value = vector.getItem(row);
      values.push(value === null ? null : convert(value, type));
    }
  });
}

/** Binds by position: whole numbers as integers, so that an integer column is compared as such. */
export function bindParams(statement: DuckDBPreparedStatement, params: readonly SqlValue[]): void {
  params.forEach((value, index) => {
    const at = index + 1;
    if (value === null) statement.bindNull(at);
    else if (typeof value === 'string') statement.bindVarchar(at, value);
    else if (typeof value === 'boolean') statement.bindBoolean(at, value);
    else if (!Number.isSafeInteger(value)) statement.bindDouble(at, value);
    else if ((value | 0) === value) statement.bindInteger(at, value);
    else statement.bindBigInt(at, BigInt(value));
  });
}

type Converter = (value: Exclude<DuckDBValue, null>, type: DuckDBType) => SqlValue;

const asIs: Converter = (value) => value as SqlValue;
const toJson: Converter = (value, type) =>
  JSON.stringify(JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter));

/**
 * Types that are not here become DuckDB's own text: decimals, dates, times, intervals, UUIDs, blobs, bits.
 */
const CONVERTERS: ReadonlyMap<DuckDBTypeId, Converter> = new Map([
  [DuckDBTypeId.BOOLEAN, asIs],
  [DuckDBTypeId.TINYINT, asIs],
  [DuckDBTypeId.SMALLINT, asIs],
  [DuckDBTypeId.INTEGER, asIs],
  [DuckDBTypeId.UTINYINT, asIs],
  [DuckDBTypeId.USMALLINT, asIs],
  [DuckDBTypeId.UINTEGER, asIs],
  [DuckDBTypeId.FLOAT, asIs],
  [DuckDBTypeId.DOUBLE, asIs],
  [DuckDBTypeId.VARCHAR, asIs],
  [DuckDBTypeId.ENUM, asIs],
  [DuckDBTypeId.BIGINT, fromInteger],
  [DuckDBTypeId.UBIGINT, fromInteger],
  [DuckDBTypeId.HUGEINT, fromInteger],
  [DuckDBTypeId.UHUGEINT, fromInteger],
  [DuckDBTypeId.TIMESTAMP, fromTimestamp],
  [DuckDBTypeId.TIMESTAMP_S, fromTimestamp],
  [DuckDBTypeId.TIMESTAMP_MS, fromTimestamp],
  [DuckDBTypeId.TIMESTAMP_NS, fromTimestamp],
  [DuckDBTypeId.TIMESTAMP_TZ, fromTimestamp],
  [DuckDBTypeId.LIST, toJson],
  [DuckDBTypeId.STRUCT, toJson],
  [DuckDBTypeId.MAP, toJson],
  [DuckDBTypeId.ARRAY, toJson],
  [DuckDBTypeId.UNION, toJson],
  [DuckDBTypeId.VARIANT, toJson],
]);

function fromInteger(value: unknown): SqlValue {
  const integer = value as bigint;
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer.toString();
}

/** ISO text without a zone, in UTC: three digits of a second, or as many as the value has. */
function fromTimestamp(value: unknown): string {
  if (value instanceof DuckDBTimestampNanosecondsValue && value.nanos % 1000n !== 0n)
    return isoOf(String(value));
  const micros = microsOf(value);
  if (micros === undefined || micros % 1000n !== 0n) return isoOf(String(value));
  const ms = Number(micros / 1000n);
  return ms >= TIMESTAMP_MS_MIN && ms <= TIMESTAMP_MS_MAX
    ? new Date(ms).toISOString().slice(0, 23)
    : isoOf(String(value));
}

function microsOf(value: unknown): bigint | undefined {
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return value.micros;
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis * 1000n;
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds * 1_000_000n;
  return value instanceof DuckDBTimestampNanosecondsValue ? value.nanos / 1000n : undefined;
}

/** From DuckDB's text, which names an infinite time, an era or a zone where there is one. */
function isoOf(text: string): string {
  return text.replace(/\+00$/, '').replace(' ', 'T');
}
