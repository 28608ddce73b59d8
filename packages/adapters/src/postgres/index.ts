/** Changes of a Postgres database, by its own logical replication. */
export { capturePostgres, type PostgresCaptureOptions } from './capture.ts';
export { POSTGRES_ERRORS } from './errors.ts';
