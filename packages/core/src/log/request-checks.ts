import { assert } from '../base/index.ts';
import { codecOf, type Compression, type CompressionCodecs, isCompression } from './compression.ts';
import { logError } from './errors.ts';
import type { LogCommit, PartitionRange, TopicDescription } from './port.ts';
import type { RecordBatchBuilder } from './record-batch-builder.ts';

/** `LOG_INVALID_TOPIC` unless a topic may have this name and configuration. */
export function checkTopic(description: TopicDescription): void {
  const { topic } = description;
  const problem = topicProblem(description);
  if (problem !== undefined)
    throw logError('LOG_INVALID_TOPIC', { message: `${topic} ${problem}.`, details: { ...description } });
}

function topicProblem(description: TopicDescription): string | undefined {
  const { topic, partitions, retentionMs, retentionBytes, compression, cleanup } = description;
  if (!/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/.test(topic)) return 'is no valid name of a topic';
  if (!Number.isInteger(partitions) || partitions < 1) return `cannot have ${partitions} partitions`;
  if (!(retentionMs > 0 && retentionBytes > 0)) return 'must have a positive retention';
  if (!isCompression(compression)) return `cannot be compressed by '${String(compression)}'`;
  if (cleanup !== 'delete' && cleanup !== 'compact') return `cannot be cleaned up by '${String(cleanup)}'`;
  if (cleanup === 'compact' && !description.keyed) return 'cannot be compacted: its records have no keys';
  if (!(description.tombstoneRetentionMs >= 0)) return 'cannot keep tombstones for less than no time';
  return undefined;
}

/**
 * How a batch for a topic is to be compressed. `LOG_KEY_REQUIRED` for a record that compaction could not tell
 * from others, `LOG_UNSUPPORTED_COMPRESSION` without the codec.
 */
export function checkAppend(
  { topic, cleanup, compression }: TopicDescription,
  batch: RecordBatchBuilder,
  codecs: CompressionCodecs = {},
): Compression {
  checkKeys({ topic, cleanup }, batch);
  if (compression !== 'none') codecOf(compression, codecs);
  return compression;
}

/** `LOG_KEY_REQUIRED` for a record without a key on a compacted topic. */
export function checkKeys(
  { topic, cleanup }: Pick<TopicDescription, 'topic' | 'cleanup'>,
  batch: RecordBatchBuilder,
): void {
  if (cleanup === 'compact' && !batch.hasAllKeys) throw logError('LOG_KEY_REQUIRED', { details: { topic } });
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
