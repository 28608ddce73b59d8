/** The ground every room stands on: errors, time, randomness, files, figures and logging as interfaces. */
export * from './clock.ts';
export * from './errors.ts';
export * from './file-system.ts';
export * from './logger.ts';
export * from './meter.ts';
export * from './random.ts';
export { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN, timestampMs } from './timestamp.ts';
