import type { TestContext } from 'node:test';
import { type Clock, type FileSystem, type Logger, silentLogger, silentMeter } from '@millrace/core/base';
import {
  type Checksum,
  type CompressionCodecs,
  type EmbeddedLogLimits,
  type EventLog,
  openEmbeddedLog,
} from '@millrace/core/log';
import { VirtualClock } from '../clock/index.ts';
import { testCodecs } from './codecs.ts';
import type { LogFixture } from './fixture.ts';
import type { LogHarness } from './suite.ts';

/** So small that a few records roll segments, begin checkpoints and leave the memory. */
export const SMALL_LIMITS: EmbeddedLogLimits = {
  commitIntervalMs: 0,
  inFlightBytesMax: 64 << 10,
  batchBytesMax: 16 << 10,
  inPlaceBytesMin: 2 << 10,
  recentBytesMax: 8 << 10,
  segmentBytes: 4 << 10,
  segmentMs: 24 * 60 * 60 * 1000,
  journalFileBytes: 8 << 10,
  checkpointIntervalMs: 5_000,
  compactionBytesMax: 64 << 10,
  retentionIntervalMs: 60_000,
};

export interface EmbeddedHarnessOptions {
  readonly name: string;
  /** An empty disk and a folder on it; `remove` is called when the test has ended. */
  readonly disk: () => Promise<{ files: FileSystem; folder: string; remove: () => Promise<void> }>;
  readonly checksum?: Checksum;
  readonly codecs?: CompressionCodecs;
  readonly limits?: Partial<EmbeddedLogLimits>;
  readonly logger?: Logger;
}

/** A clock whose wall time a test can move, also back. */
class JumpingClock implements Clock {
  readonly virtual = new VirtualClock();
  skewMs = 0;

  nowMs(): number {
    return this.virtual.nowMs() + this.skewMs;
  }

  monotonicMs(): number {
    return this.virtual.monotonicMs();
  }

  schedule(callback: () => void, delayMs: number): () => void {
    return this.virtual.schedule(callback, delayMs);
  }
}

/** The embedded log on any file system. */
export class EmbeddedHarness implements LogHarness {
  readonly name: string;
  readonly #options: EmbeddedHarnessOptions;

  constructor(options: EmbeddedHarnessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(t: TestContext): Promise<LogFixture> {
    const { files, folder, remove } = await this.#options.disk();
    const { checksum, codecs = testCodecs, logger = silentLogger } = this.#options;
    const clock = new JumpingClock();
    const limits = { ...SMALL_LIMITS, ...this.#options.limits };
    const openAgain = (): Promise<EventLog> =>
      openEmbeddedLog({
        folder,
        files,
        clock,
        meter: silentMeter,
        logger,
        limits,
        codecs,
        ...(checksum === undefined ? {} : { checksum }),
      });
    const fixture: LogFixture = {
      ...limits,
      markersMax: 0,
      log: await openAgain(),
      clock,
      openAgain,
      async reopen() {
        await fixture.log.close();
        fixture.log = await openAgain();
      },
      jump(ms) {
        clock.skewMs += ms;
      },
      advance: (ms) => clock.virtual.advance(ms),
    };
    t.after(async () => {
      await fixture.log.close();
      await remove();
    });
    return fixture;
  }
}
