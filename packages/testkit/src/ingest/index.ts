/**
 * Ingest under a test's control: a log in memory whose commits can be held back and fail, and a shop's
 * contracts.
 */
export { drive } from './drive.ts';
export { LogDisk, MemoryLog } from './memory-log.ts';
