/**
 * Ingest under a test's control: a log in memory whose commits can be held back and fail, and a small shop.
 */
export { drive } from './drive.ts';
export { LogDisk, MemoryLog } from './memory-log.ts';
export { ping, pingOf, recordsOf, SmallShop, view, viewOf, type StoredRecord } from './small-shop.ts';
