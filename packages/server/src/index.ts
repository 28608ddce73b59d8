/** What a project's files import from 'millrace'. */
export { defineEvent, Type, type EventContract, type EventOf } from '@millrace/core/contract';
