import {
  RecordBatchBuilder,
  type Append,
  type EventLog,
  type LogRecord,
  type RecordHeader,
} from '../log/index.ts';
import type { IngestRequest } from './ingest-request.ts';

/**
 * The topic of rejected events. Record: value = raw bytes as received, headers `code`, `message`,
 * `received_at`, `bytes`.
 */
export const DEAD_LETTERS = 'dead_letters';

/** Raw bytes of an event beyond this are not kept; the header `bytes` says how many there were. */
export const DEAD_LETTER_BYTES_MAX = 256 * 1024;

const READ_BYTES = 1024 * 1024;
/** Header of a record without value: the offsets of letters of its partition that were accepted since. */
const SETTLED = 'settled';

/** One rejected event, or one that a topology could not process. */
export interface DeadLetter {
  /**
   * The streams application that wrote the letter; undefined for those of ingest, the only ones it can
   * replay.
   */
  readonly application: string | undefined;
  readonly partition: number;
  readonly offset: number;
  readonly code: string;
  readonly message: string;
  readonly receivedAtMs: number;
  /** The raw bytes, as far as they were kept. */
  readonly value: Uint8Array;
  /** False when the event was larger than what is kept: it cannot be replayed. */
  readonly isWhole: boolean;
}

/** Encodes the rejected events of a request. */
export function encodeDeadLetters(
  request: IngestRequest,
  target: { batch(bytes: number): RecordBatchBuilder },
): void {
  const receivedAt = { key: 'received_at', value: Buffer.from(String(request.receivedAtMs)) };
  for (const { index, code, message } of request.rejections) {
    const start = request.starts[index]!;
    const end = request.ends[index]!;
    const kept = Math.min(end, start + DEAD_LETTER_BYTES_MAX);
    const headers: RecordHeader[] = [
      { key: 'code', value: Buffer.from(code) },
      { key: 'message', value: Buffer.from(message) },
      receivedAt,
      { key: 'bytes', value: Buffer.from(String(end - start)) },
    ];
    target.batch(kept - start + message.length).appendSlice(null, request.body, start, kept, headers);
  }
}

/** The record that says: these letters were accepted. It is committed together with their events. */
export function encodeSettled(
  offsets: readonly number[],
  place: { partition: number; createdAtMs: number },
): Append {
  const value = Buffer.from(JSON.stringify(offsets));
  const batch = new RecordBatchBuilder({ createdAtMs: place.createdAtMs, bytesHint: value.length });
  batch.append(null, null, [{ key: SETTLED, value }]);
  return { topic: DEAD_LETTERS, partition: place.partition, batch };
}

/** The letters of a partition that were not accepted since, oldest first. */
export async function* readDeadLetters(log: EventLog, partition: number): AsyncGenerator<DeadLetter> {
  const settled = new Set<number>();
  const { endOffset } = log.range(DEAD_LETTERS, partition);
  for await (const record of recordsOf(log, partition, endOffset)) {
    const offsets = settledOffsets(record);
    if (offsets !== undefined) for (const offset of offsets) settled.add(offset);
  }
  for await (const record of recordsOf(log, partition, endOffset)) {
    if (settled.has(record.offset) || settledOffsets(record) !== undefined) continue;
    const value = record.value ?? new Uint8Array(0);
    yield {
      application: headerOf(record, 'application'),
      partition,
      offset: record.offset,
      code: headerOf(record, 'code') ?? 'UNKNOWN',
      message: headerOf(record, 'message') ?? '',
      receivedAtMs: Number(headerOf(record, 'received_at')),
      value,
      isWhole: Number(headerOf(record, 'bytes')) === value.length,
    };
  }
}

async function* recordsOf(log: EventLog, partition: number, endOffset: number): AsyncGenerator<LogRecord> {
  let offset = log.range(DEAD_LETTERS, partition).startOffset;
  while (offset < endOffset) {
    const batches = await log.read(DEAD_LETTERS, partition, { offset, bytesMax: READ_BYTES });
    if (batches.length === 0) return;
    for (const batch of batches) {
      for (const record of batch.records())
        if (record.offset >= offset && record.offset < endOffset) yield record;
      offset = Math.max(offset, batch.lastOffset + 1);
    }
  }
}

function settledOffsets(record: LogRecord): readonly number[] | undefined {
  const offsets = record.value === null ? headerOf(record, SETTLED) : undefined;
  return offsets === undefined ? undefined : (JSON.parse(offsets) as number[]);
}

/** The last one of that name: letters of streams begin with the headers of their record. */
function headerOf(record: LogRecord, key: string): string | undefined {
  const header = record.headers.findLast((each) => each.key === key);
  return header === undefined ? undefined : Buffer.from(header.value).toString();
}
