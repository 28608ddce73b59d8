import { statSync } from 'node:fs';
import type { Clock, Gauge, Histogram, Meter } from '@millrace/core/base';
import type { SqlSession } from '@millrace/core/warehouse';

/** Below this a checkpoint is not worth its disk writes. */
const IDLE_WAL_BYTES_MIN = 256 * 1024;

export interface CheckpointReport {
  readonly durationMs: number;
  /** What the write-ahead log held before. */
  readonly walBytes: number;
}

/**
 * Writes the write-ahead log back when we choose to: between two loads once it is large enough, or when
 * nothing else happens. Meanwhile queries go on and loads wait, which is why it is small and often rather
 * than large and rare.
 */
export class Checkpointer {
  readonly #session: SqlSession;
  readonly #walFile: string;
  readonly #walBytesMax: number;
  readonly #clock: Clock;
  readonly #durationMs: Histogram;
  readonly #walBytes: Gauge;

  constructor(options: {
    session: SqlSession;
    file: string;
    walBytesMax: number;
    clock: Clock;
    meter: Meter;
  }) {
    this.#session = options.session;
    this.#walFile = `${options.file}.wal`;
    this.#walBytesMax = options.walBytesMax;
    this.#clock = options.clock;
    const { meter } = options;
    this.#durationMs = meter.histogram(
      'warehouse_checkpoint_duration_ms',
      'Checkpoints: loads wait for them',
    );
    this.#walBytes = meter.gauge('warehouse_wal_bytes', 'Write-ahead log');
  }

  walBytes(): number {
    return statSync(this.#walFile, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** After a load: true when a checkpoint was due. */
  async afterLoad(): Promise<boolean> {
    const walBytes = this.walBytes();
    this.#walBytes.set(walBytes);
    if (walBytes < this.#walBytesMax) return false;
    await this.run();
    return true;
  }

  /** When nothing was loaded for a while: true when there was something to write back. */
  async whenIdle(): Promise<boolean> {
    if (this.walBytes() < IDLE_WAL_BYTES_MIN) return false;
    await this.run();
    return true;
  }

  async run(): Promise<CheckpointReport> {
    const walBytes = this.walBytes();
    const startedMs = this.#clock.monotonicMs();
    await this.#session.run('checkpoint');
    const report = { durationMs: this.#clock.monotonicMs() - startedMs, walBytes };
    this.#durationMs.observe(report.durationMs);
    this.#walBytes.set(this.walBytes());
    return report;
  }
}
