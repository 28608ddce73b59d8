/** What a project's files import from `millrace`: contracts, streams, alerts and the project itself. */
export {
  defineEvent,
  Type,
  type AnyEvent,
  type EventContract,
  type EventDefinition,
  type EventOf,
} from '@millrace/core/contract';
export { defineAlert, type AlertAction, type AlertDefinition } from '@millrace/core/observe';
export * from '@millrace/core/streams';
export { definePostgresSource, type PostgresSourceDefinition } from '@millrace/core/sources';
export { defineProject, type Companion, type ProjectDefinition } from './project/definition.ts';
