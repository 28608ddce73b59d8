/** Metric queries and the port that a semantic layer fills. */
export * from './metric-query.ts';
export * from './port.ts';
export { SEMANTIC_ERRORS, fail as semanticError } from './errors.ts';
