import type { Clock, FileSystem, Logger, Meter, Random } from '../base/index.ts';
import type { Checksum } from './checksum.ts';
import type { CompressionCodecs } from './compression.ts';

export interface EmbeddedLogOptions {
  /** Absolute path; made when it does not exist. One process at a time. */
  readonly folder: string;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** CRC-32C. Default: the portable one; a native one is about five times as fast. */
  readonly checksum?: Checksum;
  /** For topics with `compression`. Default: none, such topics are refused. */
  readonly codecs?: CompressionCodecs;
  /** Makes the log's id, once. Default: seeded by the clock. */
  readonly random?: Random;
  readonly limits?: Partial<EmbeddedLogLimits>;
}

export interface EmbeddedLogLimits {
  /**
   * Least time between the beginnings of two syncs. Default 0: a sync begins when the one before has ended.
   */
  readonly commitIntervalMs: number;
  /** Bytes that may wait to be durable or to be written to segments. Default 64 MiB. */
  readonly inFlightBytesMax: number;
  /** Largest batch. Default 16 MiB. */
  readonly batchBytesMax: number;
  /** A batch of at least this size goes straight to its segment, not through the journal. Default 512 KiB. */
  readonly inPlaceBytesMin: number;
  /** Recent batches kept in memory for readers near the end. Default 16 MiB. */
  readonly recentBytesMax: number;
  /** A segment is closed before it grows beyond this. Default 64 MiB. */
  readonly segmentBytes: number;
  /** A segment is closed when its first record is this old. Default 24 hours. */
  readonly segmentMs: number;
  /** Size of a journal file; a checkpoint begins when there is this much to cover. Default 32 MiB. */
  readonly journalFileBytes: number;
  /** A checkpoint begins after this time at the latest. Default 5 seconds. */
  readonly checkpointIntervalMs: number;
  /** Memory for the keys of one pass of compaction; with less, passes are shorter. Default 64 MiB. */
  readonly compactionBytesMax: number;
  /** How often retention and compaction are applied. Default 1 minute. */
  readonly retentionIntervalMs: number;
}

export const LIMITS_DEFAULT: EmbeddedLogLimits = {
  commitIntervalMs: 0,
  inFlightBytesMax: 64 << 20,
  batchBytesMax: 16 << 20,
  inPlaceBytesMin: 512 << 10,
  recentBytesMax: 16 << 20,
  segmentBytes: 64 << 20,
  segmentMs: 24 * 60 * 60 * 1000,
  journalFileBytes: 32 << 20,
  checkpointIntervalMs: 5_000,
  compactionBytesMax: 64 << 20,
  retentionIntervalMs: 60_000,
};
