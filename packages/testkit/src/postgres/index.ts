/** A real Postgres server for tests, and tables whose changes are captured from it. */
export { postgresAbsent, PostgresServer } from './postgres-server.ts';
export { parseExact, rebuiltTable, recordsOf } from './rebuilt-table.ts';
export { type TrialTable, trialTables } from './trial-tables.ts';
