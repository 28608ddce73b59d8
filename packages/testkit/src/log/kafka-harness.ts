import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import type { Clock } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import { kafkaClassPath } from '../engines/index.ts';
import { emptyCluster } from '../kafka/index.ts';
import type { LogFixture } from './fixture.ts';
import type { LogHarness } from './suite.ts';

export interface KafkaHarnessOptions {
  readonly name: string;
  /** A cluster that runs. */
  readonly brokers: () => Promise<readonly string[]>;
  readonly open: (options: KafkaOpening) => Promise<EventLog>;
}

export interface KafkaOpening {
  readonly brokers: readonly string[];
  readonly clock: Clock;
  readonly limits: { readonly inFlightBytesMax: number; readonly batchBytesMax: number };
}

const LIMITS = { inFlightBytesMax: 64 << 10, batchBytesMax: 16 << 10 };

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const OWN_CLOCK = 'the append time is the brokers’ clock, which a test cannot move';
const OWN_RETENTION = 'the brokers’ segments are of 1 MiB at least, and their clock cannot be moved';

/** The log on a real cluster, which is emptied before each test. */
export class KafkaHarness implements LogHarness {
  readonly name: string;
  readonly absent: string | undefined;
  /** Several processes of Java share the machine with the test. */
  readonly timeoutMs = 120_000;
  /** Each has a test of its own beside the adapter, on real brokers. */
  readonly skip = {
    LA3: OWN_CLOCK,
    LR4: OWN_CLOCK,
    LD2: OWN_RETENTION,
    LD3: OWN_RETENTION,
    LX2: 'a second opener takes over instead of being refused: a process that is gone cannot let go',
  };
  readonly #options: KafkaHarnessOptions;

  constructor(options: KafkaHarnessOptions) {
    this.name = options.name;
    const engine = kafkaClassPath();
    this.absent = 'absent' in engine ? engine.absent : undefined;
    this.#options = options;
  }

  async start(t: TestContext): Promise<LogFixture> {
    const brokers = await this.#options.brokers();
    await emptyCluster(brokers);
    const openAgain = () => this.#options.open({ brokers, clock: realClock, limits: LIMITS });
    const fixture: LogFixture = {
      ...LIMITS,
      segmentBytes: 4 << 10,
      markersMax: 1,
      log: await openAgain(),
      clock: realClock,
      openAgain,
      async reopen() {
        await fixture.log.close();
        fixture.log = await openAgain();
      },
      jump() {
        throw new Error(OWN_CLOCK);
      },
      async advance(ms) {
        await sleep(ms);
      },
    };
    t.after(() => fixture.log.close());
    return fixture;
  }
}
