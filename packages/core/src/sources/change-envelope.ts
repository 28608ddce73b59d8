import type { PgRelation, PgTuple } from './pgoutput.ts';
import type { PgTypes } from './postgres-types.ts';

/** What stands for a large value that an update left unchanged and the server did not send again. */
export const UNAVAILABLE_VALUE = '__debezium_unavailable_value';

/** Read in a snapshot, created, updated, deleted, truncated. */
export type ChangeOperation = 'r' | 'c' | 'u' | 'd' | 't';

/** Where and when a change was made. */
export interface ChangeOrigin {
  /** The first part of the topics' names. */
  readonly name: string;
  readonly database: string;
  readonly snapshot: 'first' | 'true' | 'last' | 'false';
  /** Microseconds since 1970. */
  readonly timeUs: bigint;
  readonly xid: number | null;
  readonly lsn: bigint;
  /** End of the last transaction before this one; null at the start. */
  readonly lastCommitLsn: bigint | null;
}

export interface ChangedRow {
  readonly operation: ChangeOperation;
  /** JSON of the rows. */
  readonly before: string;
  readonly after: string;
}

/** The row as a JSON object; `columns` leaves out those for which it is false. */
export function rowJson(
  { columns }: PgRelation,
  tuple: PgTuple,
  { types, keep }: { readonly types: PgTypes; readonly keep?: (name: string) => boolean },
): string {
  const parts: string[] = [];
  for (const [index, { name, type, modifier }] of columns.entries()) {
    if (keep?.(name) === false) continue;
    const value = tuple[index];
    const json =
      value === null
        ? 'null'
        : value === undefined
          ? `"${UNAVAILABLE_VALUE}"`
          : types.encode(value, type, modifier);
    parts.push(`${JSON.stringify(name)}:${json}`);
  }
  return `{${parts.join(',')}}`;
}

/** The record's value: Debezium's envelope without its schema, as JSON text that keeps every digit. */
export function envelopeJson(
  { operation, before, after }: ChangedRow,
  relation: PgRelation,
  { origin, nowUs }: { readonly origin: ChangeOrigin; readonly nowUs: bigint },
): string {
  return (
    `{"before":${before},"after":${after},"source":${sourceJson(origin, relation)},"transaction":null,` +
    `"op":"${operation}","ts_ms":${nowUs / 1000n},"ts_us":${nowUs},"ts_ns":${nowUs * 1000n}}`
  );
}

function sourceJson(origin: ChangeOrigin, { schema, table }: PgRelation): string {
  const { name, database, snapshot, timeUs, xid, lsn, lastCommitLsn } = origin;
  const sequence = JSON.stringify([lastCommitLsn === null ? null : String(lastCommitLsn), String(lsn)]);
  return (
    `{"version":"millrace","connector":"postgresql","name":${JSON.stringify(name)},` +
    `"ts_ms":${timeUs / 1000n},"snapshot":"${snapshot}","db":${JSON.stringify(database)},` +
    `"sequence":${JSON.stringify(sequence)},"ts_us":${timeUs},"ts_ns":${timeUs * 1000n},` +
    `"schema":${JSON.stringify(schema)},"table":${JSON.stringify(table)},"txId":${xid},"lsn":${lsn},` +
    `"xmin":null,"origin":null,"origin_lsn":null}`
  );
}
