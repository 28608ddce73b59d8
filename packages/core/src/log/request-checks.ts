import { assert } from '../base/index.ts';
import { isCompression } from './compression.ts';
import { logError } from './errors.ts';
import type { LogCommit, PartitionRange, TopicDescription } from './port.ts';
import type { RecordBatchBuilder } from './record-batch-builder.ts';

/** `LOG_INVALID_TOPIC` unless a topic may have this name and configuration. */
export function checkTopic(description: TopicDescription): void {
  const { topic, partitions, retentionMs, retentionBytes, compression } = description;
  const problem = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/.test(topic)
    ? !Number.isInteger(partitions) || partitions < 1
      ? `${topic} cannot have ${partitions} partitions`
      : retentionMs > 0 && retentionBytes > 0
        ? isCompression(compression)
          ? undefined
          : `${topic} cannot be compressed by '${String(compression)}'`
        : `the retention of ${topic} must be positive`
    : `'${topic}' is no valid name of a topic`;
  if (problem === undefined) return;
  throw logError('LOG_INVALID_TOPIC', { message: `${problem}.`, details: { ...description } });
}

/** Whether a commit can be taken at all; returns the bytes of its batches. */
export function checkCommit(commit: LogCommit, limits: { readonly batchBytesMax: number }): number {
  const { appends, offsets = [] } = commit;
  if (appends.length === 0 && offsets.length === 0) throw logError('LOG_EMPTY_COMMIT');
  const { batchBytesMax } = limits;
  let bytes = 0;
  for (const { topic, partition, batch } of appends) {
    if (batch.count === 0) throw logError('LOG_EMPTY_COMMIT', { details: { topic, partition } });
    assert(!batch.isSealed, 'a batch can be appended only once');
    if (batch.byteLength > batchBytesMax) {
      const details = { topic, partition, bytes: batch.byteLength, bytesMax: batchBytesMax };
      throw logError('LOG_BATCH_TOO_LARGE', { details });
    }
    bytes += batch.byteLength;
  }
  if (appends.length > 1) {
    const builders = new Set<RecordBatchBuilder>();
    for (const { batch } of appends) builders.add(batch);
    assert(builders.size === appends.length, 'a batch can be appended only once');
  }
  for (const { nextOffset } of offsets) {
    assert(Number.isSafeInteger(nextOffset) && nextOffset >= 0, 'an offset is a whole number of at least 0');
  }
  return bytes;
}

/** `LOG_OFFSET_OUT_OF_RANGE` for an offset below the start or above the end. */
export function checkOffset(
  offset: number,
  range: PartitionRange & { readonly topic: string; readonly partition: number },
): void {
  assert(Number.isSafeInteger(offset), 'an offset is a whole number');
  const { topic, partition, startOffset, endOffset } = range;
  if (offset >= startOffset && offset <= endOffset) return;
  throw logError('LOG_OFFSET_OUT_OF_RANGE', {
    message: `${topic} ${partition} has offsets from ${startOffset} to ${endOffset}; ${offset} was asked for.`,
    details: { topic, partition, offset, startOffset, endOffset },
  });
}
