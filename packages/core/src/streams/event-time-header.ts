import { readInt64, writeInt64, type RecordHeader } from '../log/index.ts';

/**
 * Records in the log carry the time of their append, so that event time travels in a header: 8 bytes,
 * milliseconds, big-endian.
 */
export const EVENT_TIME_HEADER = 'event_time';
/** Marks records that were replayed: dead letters, a backfill of history. */
export const REPLAYED_HEADER = 'replayed';

const INT64_BYTES = 8;

/** The record's headers with this event time. */
export function withEventTime(
  headers: readonly RecordHeader[],
  timestampMs: number,
): readonly RecordHeader[] {
  const value = Buffer.allocUnsafe(INT64_BYTES);
  writeInt64(value, 0, timestampMs);
  const header: RecordHeader = { key: EVENT_TIME_HEADER, value };
  if (headers.length === 0) return [header];
  return [...headers.filter(({ key }) => key !== EVENT_TIME_HEADER), header];
}

/** Undefined when no header says it. */
export function eventTimeOf(headers: readonly RecordHeader[]): number | undefined {
  for (const { key, value } of headers) {
    if (key === EVENT_TIME_HEADER && value.length === INT64_BYTES) return readInt64(value, 0);
  }
  return undefined;
}

export function isReplayed(headers: readonly RecordHeader[]): boolean {
  for (const { key } of headers) if (key === REPLAYED_HEADER) return true;
  return false;
}
