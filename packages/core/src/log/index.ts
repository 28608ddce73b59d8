/** The event log: partitioned, ordered, durable, replayable. Everything else is derived from it. */
export { readInt16, readInt32, readInt64, readUint32, writeInt16, writeInt32, writeInt64 } from './bytes.ts';
export { crc32c } from './checksum.ts';
export type { Checksum } from './checksum.ts';
export {
  type Compression,
  type CompressionCodec,
  type CompressionCodecs,
  isCompression,
} from './compression.ts';
export { LogConsumer } from './consumer.ts';
export type { LogConsumerOptions, PolledPartition, PollOptions, TopicPosition } from './consumer.ts';
export { openEmbeddedLog } from './embedded-log.ts';
export type { EmbeddedLogLimits, EmbeddedLogOptions } from './embedded-options.ts';
export { LOG_ERRORS } from './errors.ts';
export { murmur2 } from './murmur2.ts';
export { partitionFor, StickyPartitioner } from './partitioner.ts';
export * from './port.ts';
export { RecordBatchBuilder } from './record-batch-builder.ts';
export type { RecordBatchBuilderOptions, RecordHeader } from './record-batch-builder.ts';
export { decodeBatches, LogRecord, RecordBatch } from './record-batch.ts';
export type { RecordCursor } from './record-cursor.ts';
/** For rooms that fill the port with another system. */
export { logError } from './errors.ts';
export { LogFigures } from './log-figures.ts';
export { describeTopic } from './log-state.ts';
export { checkCommit, checkKeys, checkOffset, checkTopic } from './request-checks.ts';
export * from './record-batch-layout.ts';
