/** Event contracts: one schema gives the validator, the TypeScript type and the table columns. */
export { Type } from 'typebox';
export {
  checkCompatibility,
  type CompatibilityMode,
  type CompatibilityProblem,
  type ContractShape,
} from './compatibility.ts';
export { checkEvolution, type ContractEvolution, refusalOf } from './contract-evolution.ts';
export { type ContractRecord, decodeRecords, encodeRecords, recordsOf } from './contract-record.ts';
export { ContractRegistry, type ContractRegistryOptions, type TopicContract } from './contract-registry.ts';
export { CONTRACT_ERRORS } from './errors.ts';
export {
  defineEvent,
  isEventContract,
  type AnyEvent,
  type EventContract,
  type EventDefinition,
  type EventOf,
  type SystemFields,
} from './event-contract.ts';
export { EVENT_ID_BYTES_MAX, isEventId, type Violation } from './event-validator.ts';
export { publishedContract, type PublishedContract } from './published-contract.ts';
export * from './table-schema.ts';
export { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN, timestampMs } from '../base/index.ts';
