import type { Counter, Gauge, Histogram, Meter } from '../base/index.ts';

/** What the log tells the meter. */
export class LogFigures {
  readonly commitDuration: Histogram;
  readonly batchBytes: Histogram;
  readonly groupCommits: Histogram;
  readonly records: Counter;
  readonly bytes: Counter;
  readonly queuedBytes: Gauge;
  readonly unwrittenBytes: Gauge;
  readonly removedSegments: Counter;

  constructor(meter: Meter) {
    this.commitDuration = meter.histogram(
      'log_commit_duration_ms',
      'Time from a commit to its acknowledgement.',
      {
        buckets: [0.5, 1, 2, 3, 5, 8, 12, 20, 50, 100, 250, 500, 1000],
      },
    );
    this.batchBytes = meter.histogram('log_batch_bytes', 'Size of the appended batches.', {
      buckets: [256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216],
    });
    this.groupCommits = meter.histogram('log_group_commits', 'Commits that became durable by one sync.', {
      buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    });
    this.records = meter.counter('log_appended_records_total', 'Records that became durable.');
    this.bytes = meter.counter('log_appended_bytes_total', 'Bytes of batches that became durable.');
    this.queuedBytes = meter.gauge('log_queue_bytes', 'Bytes that wait to become durable.');
    this.unwrittenBytes = meter.gauge(
      'log_unwritten_bytes',
      'Durable bytes that their segments do not hold yet.',
    );
    this.removedSegments = meter.counter(
      'log_removed_segments_total',
      'Segments that retention or compaction removed.',
    );
  }
}
