/** The door: takes events, checks them against their contracts, stores each once, keeps the rejected ones. */
export type { Admission } from './admission.ts';
export { bodyFormatOf, type BodyFormat } from './body-splitter.ts';
export type { ReplayReport } from './dead-letter-replay.ts';
export { DEAD_LETTERS, type DeadLetter } from './dead-letters.ts';
export {
  INGEST_ERRORS,
  REJECTION_ERRORS,
  REQUEST_ERRORS,
  type RejectionCode,
  type RequestErrorCode,
} from './errors.ts';
export {
  createIngest,
  type AcceptOptions,
  type Ingest,
  type IngestOptions,
  type IngestReply,
} from './ingest.ts';
export type { IngestCounts } from './ingest-counts.ts';
export { limitsOf, type IngestLimits } from './limits.ts';
