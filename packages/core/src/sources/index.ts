/** Changes of databases: decoding, exact values and Debezium's envelope. Nothing here touches a socket. */
export { type ChangeOrigin, envelopeJson, UNAVAILABLE_VALUE } from './change-envelope.ts';
export { SOURCES_ERRORS } from './errors.ts';
export { formatLsn, parseLsn } from './lsn.ts';
export {
  decodePgoutput,
  type PgColumn,
  type PgMessage,
  type PgRelation,
  POSTGRES_EPOCH_US,
} from './pgoutput.ts';
export { type DecimalMode, type PgType, PgTypes } from './postgres-types.ts';
export { type CapturedTable, changesOf, type KeyedChange, snapshotChange, TRUNCATED } from './row-changes.ts';
export {
  definePostgresSource,
  isPostgresSource,
  type PostgresSource,
  type PostgresSourceDefinition,
} from './postgres-source.ts';
