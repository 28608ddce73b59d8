/**
 * Where events come to rest and SQL is asked: the port, the exactly-once loader, and what travels between
 * threads.
 */
export type { AppendColumn, AppendSession, AppendValue, Dialect, TableAppender } from './append-session.ts';
export { fromErrorMessage, toErrorMessage, type ErrorMessage } from './error-message.ts';
export { WAREHOUSE_ERRORS, warehouseError } from './errors.ts';
export { Loader, type LoaderOptions } from './loader.ts';
export * from './port.ts';
export { LoaderPump, type LoadIdentity, type LoaderPumpOptions, type PumpState } from './pump.ts';
export { QueryClient, serveQueries } from './query-channel.ts';
export type { QueryExecutor, QueryMessage, QueryPort, QueryReply } from './query-channel.ts';
export * from './session.ts';
export { TableVersions } from './table-versions.ts';
