import { seededRandom, silentLogger, silentMeter, type Logger, type Random } from '@millrace/core/base';
import {
  openEmbeddedLog,
  RecordBatchBuilder,
  type EventLog,
  type LogRecord,
  type RecordHeader,
} from '@millrace/core/log';
import { createStreamsRuntime, type StreamsRuntime, type Topology } from '@millrace/core/streams';
import { VirtualClock } from '../clock/index.ts';
import { LogDisk, MemoryLog } from '../ingest/index.ts';
import { SimulatedDisk } from '../simulation/index.ts';
import { RecordedMeter } from './recorded-meter.ts';

export interface StreamsMachineOptions {
  readonly topologies: readonly Topology[];
  /** Default 1. */
  readonly seed?: number;
  readonly commitIntervalMs?: number;
  readonly cacheBytesMax?: number;
  readonly checkpointRecordsMin?: number;
  /**
   * `embedded`: the real log, on the simulated disk. Default `memory`: a log whose commits can be held back.
   */
  readonly log?: 'memory' | 'embedded';
}

/** A record for `StreamsMachine.append`. */
export interface InputRecord {
  readonly key: string | null;
  /** Written as JSON; null is a null value. */
  readonly value: unknown;
  readonly headers?: readonly RecordHeader[];
}

/** What a wait ends with when the machine crashes meanwhile. */
export const CRASHED = Symbol('crashed');

/**
 * A machine that runs topologies on a log and on a simulated disk, in virtual time. It can be killed at any
 * moment: what runs on it stops for good, and `start` finds what was durable.
 */
export class StreamsMachine {
  readonly random: Random;
  readonly disk: SimulatedDisk;
  readonly #logDisk = new LogDisk();
  /** Warnings and errors. */
  readonly logged: string[] = [];
  readonly #options: StreamsMachineOptions;
  topologies: readonly Topology[];
  clock: VirtualClock;
  #log: EventLog | undefined;
  meter = new RecordedMeter();
  #runtime: StreamsRuntime | undefined;
  /** Ends with a crash. */
  #life: { isCrashed: boolean };

  constructor(options: StreamsMachineOptions) {
    this.#options = options;
    this.topologies = options.topologies;
    this.random = seededRandom(options.seed ?? 1);
    this.disk = new SimulatedDisk({ random: this.random });
    this.#life = this.#newLife();
    this.clock = new VirtualClock();
    if (options.log !== 'embedded') this.#log = new MemoryLog(this.clock, this.#logDisk);
  }

  get log(): EventLog {
    if (this.#log === undefined) throw new Error('the log is not open');
    return this.#log;
  }

  /** The log whose commits can be held back. */
  get memoryLog(): MemoryLog {
    if (this.#log instanceof MemoryLog) return this.#log;
    throw new Error('the log is not in memory');
  }

  get runtime(): StreamsRuntime {
    if (this.#runtime === undefined) throw new Error('nothing runs on this machine');
    return this.#runtime;
  }

  /** Opens the log, where it is not in memory. */
  async openLog(): Promise<EventLog> {
    this.#log ??= await this.wait(
      openEmbeddedLog({
        folder: '/data/log',
        files: this.disk.mount(),
        clock: this.clock,
        meter: silentMeter,
        logger: silentLogger,
        random: this.random,
        limits: { segmentBytes: 64 * 1024, journalFileBytes: 32 * 1024 },
      }),
    );
    return this.#log;
  }

  /** Lets time pass until the work is done; throws `CRASHED` when the disk crashes first. */
  async wait<T>(work: Promise<T>): Promise<T> {
    const progress = { isOver: false };
    const over = () => {
      progress.isOver = true;
    };
    work.then(over, over);
    const life = this.#life;
    for (let turn = 0; !progress.isOver; turn++) {
      // oxlint-disable-next-line typescript/only-throw-error -- no error, and never shown
      if (life.isCrashed) throw CRASHED;
      // Time passes only for work that waits for it.
      if (turn < 20) await new Promise(setImmediate);
      else await this.clock.advance(1);
    }
    return work;
  }

  #newLife(): { isCrashed: boolean } {
    const life = { isCrashed: false };
    void this.disk.crashed.then(() => {
      life.isCrashed = true;
    });
    return life;
  }

  /** Starts the topologies and, unless told otherwise, waits until their state is restored. */
  async start(options: { readonly waitsForState?: boolean } = {}): Promise<StreamsRuntime> {
    const files = this.disk.mount();
    await this.wait(files.makeFolder('/data'));
    await this.wait(files.syncFolder(''));
    await this.openLog();
    const runtime = await this.wait(
      createStreamsRuntime({
        ...this.#options,
        log: this.log,
        topologies: this.topologies,
        clock: this.clock,
        files,
        stateFolder: '/data/streams',
        meter: this.meter,
        logger: this.#logger(),
      }),
    );
    this.#runtime = runtime;
    if (options.waitsForState !== false) await this.wait(runtime.restored);
    return runtime;
  }

  /** A clean stop; returns how much time it took. */
  async close(): Promise<number> {
    const before = this.clock.monotonicMs();
    await this.wait(this.runtime.close());
    this.#runtime = undefined;
    const tookMs = this.clock.monotonicMs() - before;
    if (this.#options.log === 'embedded') {
      await this.wait(this.log.close());
      this.#log = undefined;
    }
    return tookMs;
  }

  /** Kills everything. Of the commits that the log holds back, the first `storedCommits` become durable. */
  crash(kind: 'process' | 'power', storedCommits = 0): void {
    if (!this.#life.isCrashed) this.disk.crash(kind);
    this.#life = this.#newLife();
    if (this.#log instanceof MemoryLog) this.#log.kill(storedCommits);
    this.#runtime = undefined;
    // The dead go on with their own clock, which nobody moves any more.
    this.clock = new VirtualClock(this.clock.nowMs());
    this.#log = this.#options.log === 'embedded' ? undefined : new MemoryLog(this.clock, this.#logDisk);
    this.meter = new RecordedMeter();
  }

  /** Appends one batch that arrives now. */
  async append(topic: string, partition: number, records: readonly InputRecord[]): Promise<void> {
    const batch = new RecordBatchBuilder({ createdAtMs: this.clock.nowMs() });
    for (const { key, value, headers = [] } of records) {
      const bytes = value === null ? null : Buffer.from(JSON.stringify(value));
      batch.append(key === null ? null : Buffer.from(key), bytes, headers);
    }
    await this.wait(this.log.commit({ appends: [{ topic, partition, batch }] }));
  }

  /** Lets time pass until everything in the log is processed and committed. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10_000; i++) {
      await this.clock.advance(20);
      if (this.runtime.lagRecords() > 0) continue;
      // Offsets alone are committed once a second.
      await this.clock.advance(1100);
      if (this.runtime.lagRecords() === 0) return;
    }
    throw new Error(`the topologies do not come to an end: ${JSON.stringify(this.runtime.status())}`);
  }

  /** All records of a topic by partition. */
  async records(topic: string): Promise<LogRecord[][]> {
    return this.wait(recordsOf(this.log, topic));
  }

  /** The topic's values as JSON, partition after partition. */
  async values(topic: string): Promise<unknown[]> {
    const records = (await this.records(topic)).flat();
    return records.map(({ value }) =>
      value === null ? null : (JSON.parse(Buffer.from(value).toString()) as unknown),
    );
  }

  #logger(): Logger {
    const note = (message: string, fields?: Readonly<Record<string, unknown>>) => {
      this.logged.push(`${message} ${JSON.stringify(fields)}`);
    };
    return { ...silentLogger, warn: note, error: note };
  }
}

/** All records of a topic by partition. */
export async function recordsOf(log: EventLog, topic: string): Promise<LogRecord[][]> {
  const partitions = log.describe(topic)?.partitions ?? 0;
  const all: LogRecord[][] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const { startOffset, endOffset } = log.range(topic, partition);
    const records: LogRecord[] = [];
    let offset = startOffset;
    while (offset < endOffset) {
      const batches = await log.read(topic, partition, { offset, bytesMax: 1024 * 1024 });
      for (const batch of batches) {
        records.push(...batch.records().filter((record) => record.offset >= offset));
        offset = batch.lastOffset + 1;
      }
    }
    all.push(records);
  }
  return all;
}
