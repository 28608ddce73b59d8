import { DuckDBQuery } from '@cubejs-backend/duckdb-driver/dist/src/DuckDBQuery.js';

/**
 * Cube's DuckDB dialect for columns of naive UTC `TIMESTAMP`, which is what the warehouse stores.
 *
 * The stock dialect converts every column to `TIMESTAMPTZ` before it compares or truncates it, so that DuckDB
 * reads all of a table where it could skip most of it: 27 times slower over 30 days, 1000 times over 15
 * minutes.
 */
export class NaiveUtcDialect extends DuckDBQuery {
  /**
   * Local time of the query's time zone. Both calls name their zone, so that the session's own has no part in
   * it.
   */
  override convertTz(field: string): string {
    const utc = `${field}::timestamp`;
    if (this.timezone === 'UTC') return utc;
    return `timezone('${this.timezone}', timezone('UTC', ${utc}))`;
  }

  /** Parameters are in UTC already, whatever the query's time zone. */
  override timeStampCast(value: string): string {
    return `${value}::timestamp`;
  }

  /**
   * DuckDB keeps microseconds: a day ends at .999999, not at .999. The format is the one that Cube knows for
   * it.
   */
  override timestampPrecision(): number {
    return 6;
  }

  override timestampFormat(): string {
    return 'YYYY-MM-DD[T]HH:mm:ss.SSSSSS[Z]';
  }
}
