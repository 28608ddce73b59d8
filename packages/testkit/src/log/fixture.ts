import assert from 'node:assert/strict';
import { isMillraceError, type MillraceError } from '@millrace/core/base';
import { type EventLog, type LogRecord, RecordBatchBuilder } from '@millrace/core/log';

/** A log to test, and what a test may do to its surroundings. */
export interface LogFixture {
  log: EventLog;
  /** Closes the log and opens it on the same data. */
  reopen(): Promise<void>;
  /** A second opener of the same data, while the first has it. */
  openAgain(): Promise<EventLog>;
  /** The wall clock of the log jumps; it may go back. */
  jump(ms: number): void;
  /** Lets time pass, so that timers fire. */
  advance(ms: number): Promise<void>;
  readonly clock: import('@millrace/core/base').Clock;
  /** The largest batch that the log takes. */
  readonly batchBytesMax: number;
  /** More bytes than may wait at once. */
  readonly inFlightBytesMax: number;
  /** A closed segment is at most about this large. */
  readonly segmentBytes: number;
  /**
   * Offsets that a commit may use up behind its records in each partition it touches; 0 where offsets have no
   * gap.
   */
  readonly markersMax: 0 | 1;
}

export type LogTests = Readonly<Record<string, (fixture: LogFixture) => Promise<void>>>;

const text = new TextEncoder();

/**
 * A batch of records with these values; the key of each is its value up to the first colon, if it has one.
 */
export function batchOf(values: readonly string[], createdAtMs = 1): RecordBatchBuilder {
  const builder = new RecordBatchBuilder({ createdAtMs });
  for (const value of values) {
    const colon = value.indexOf(':');
    builder.append(colon < 0 ? null : text.encode(value.slice(0, colon)), text.encode(value));
  }
  return builder;
}

/** Appends one batch, durable when it resolves; returns the offset of its first record. */
export async function append(
  log: EventLog,
  place: readonly [topic: string, partition: number],
  values: readonly string[],
): Promise<number> {
  const [topic, partition] = place;
  const receipt = await log.commit({ appends: [{ topic, partition, batch: batchOf(values) }] });
  return receipt.baseOffsets[0]!;
}

/** All records from `offset` to the end, read in steps of `bytesMax`. */
export async function readAll(
  log: EventLog,
  place: readonly [topic: string, partition: number],
  options: { offset?: number; bytesMax?: number } = {},
): Promise<LogRecord[]> {
  const [topic, partition] = place;
  const from = options.offset ?? log.range(topic, partition).startOffset;
  const records: LogRecord[] = [];
  let offset = from;
  for (;;) {
    const batches = await log.read(topic, partition, { offset, bytesMax: options.bytesMax ?? 1 << 20 });
    if (batches.length === 0) return records;
    for (const batch of batches) {
      assert.ok(batch.lastOffset >= offset, 'a batch that ends before the offset');
      for (const record of batch.records()) if (record.offset >= from) records.push(record);
      offset = batch.lastOffset + 1;
    }
  }
}

export async function readValues(
  log: EventLog,
  place: readonly [topic: string, partition: number],
  options: { offset?: number; bytesMax?: number } = {},
): Promise<string[]> {
  return (await readAll(log, place, options)).map(valueOf);
}

export function valueOf(record: LogRecord): string {
  return Buffer.from(record.value!).toString();
}

/**
 * Whether an offset, or an end, fits to what was appended before it: records, and commits that may have left
 * a marker.
 */
export function assertOffset(
  { markersMax }: Pick<LogFixture, 'markersMax'>,
  offset: number,
  before: { readonly records: number; readonly commits: number },
): void {
  const most = before.records + before.commits * markersMax;
  assert.ok(offset >= before.records && offset <= most, `${offset} is not ${before.records} to ${most}`);
}

/** The error that a promise rejects with, which has this code. */
export async function rejection(promise: Promise<unknown>, code: string): Promise<MillraceError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isMillraceError(error), String(error));
    assert.equal(error.code, code);
    return error;
  }
  assert.fail(`expected ${code}`);
}

/** Waits until the condition holds, letting other work go on; the test's timeout ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
