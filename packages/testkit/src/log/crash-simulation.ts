import assert from 'node:assert/strict';
import { isMillraceError, type Random, seededRandom, silentLogger, silentMeter } from '@millrace/core/base';
import {
  type Compression,
  crc32c,
  decodeBatches,
  type EmbeddedLogLimits,
  type EventLog,
  openEmbeddedLog,
  RecordBatchBuilder,
} from '@millrace/core/log';
import { VirtualClock } from '../clock/index.ts';
import { SimulatedDisk } from '../simulation/index.ts';
import { testCodecs } from './codecs.ts';
import {
  CommitModel,
  GROUP,
  GROUP_PLACE,
  keyedOf,
  type ModelAppend,
  type ModelCommit,
} from './commit-model.ts';
import { SMALL_LIMITS } from './embedded-harness.ts';
import { batchOf } from './fixture.ts';

const FOLDER = '/data/log';
const COMPRESSIONS: readonly Compression[] = ['none', 'none', 'gzip', 'zstd'];
/** What operations may fail with. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  'LOG_BACKPRESSURE',
  'LOG_DISK_FULL',
  'LOG_SYNC_FAILED',
  'LOG_WRITE_FAILED',
  'LOG_OFFSET_OUT_OF_RANGE',
]);

export interface SimulationReport {
  readonly seed: number;
  readonly steps: number;
  readonly crashes: number;
  readonly commits: number;
  readonly acknowledged: number;
  /** Segments that compaction wrote, as far as they were there when the log was closed. */
  readonly compacted: number;
}

/**
 * Runs the embedded log through several lives on a simulated disk: commits, deletions, new partitions,
 * checkpoints, full disks, failing syncs, and at the end of each life a crash at a random operation. After
 * each crash the log must hold what was acknowledged, nothing in part and nothing else. Throws when it does
 * not; the same seed runs the same way.
 */
export async function simulateLogCrashes(seed: number): Promise<SimulationReport> {
  const simulation = new CrashSimulation(seed);
  const lives = 2 + (seed % 4);
  for (let life = 0; life < lives; life++) await simulation.live();
  await simulation.end();
  return simulation.report();
}

class CrashSimulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #disk: SimulatedDisk;
  readonly #model = new CommitModel();
  #nowMs = 1_700_000_000_000;
  #compacted = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.#disk = new SimulatedDisk({ random: seededRandom(seed ^ 0x5eed) });
  }

  report(): SimulationReport {
    const { commits } = this.#model;
    const acknowledged = commits.filter(({ status }) => status === 'acknowledged').length;
    const { steps, crashes } = this.#disk;
    const compacted = this.#compacted;
    return { seed: this.#seed, steps, crashes, commits: commits.length, acknowledged, compacted };
  }

  /** One program from its start to its death; the death may come while it starts. */
  async live(): Promise<void> {
    const crashed = this.#disk.crashed;
    const isPowerFailure = this.#random.next() < 0.7;
    if (isPowerFailure) this.#disk.crashAtStep = this.#disk.steps + 1 + this.#whole(400);
    const life = new Life(this.#random, this.#disk, this.#model);
    await Promise.race([this.#run(life), crashed]);
    life.check();
    if (!life.hasDied) this.#disk.crash(isPowerFailure ? 'power' : 'process');
    this.#disk.healAll();
    this.#disk.capacityBytes = Infinity;
    for (const commit of this.#model.commits) if (commit.status === 'pending') commit.status = 'unknown';
    // The next program’s clock may be behind this one’s.
    this.#nowMs += this.#whole(20_000) - 5_000;
  }

  async #run(life: Life): Promise<void> {
    const { log, clock } = await this.#open();
    await this.#model.settle(log);
    await life.run(log, clock);
    this.#nowMs = clock.nowMs();
  }

  /**
   * A last life without faults: the log closes, its files hold batches and nothing else, and it opens again.
   */
  async end(): Promise<void> {
    const { log, clock } = await this.#open();
    await this.#model.settle(log);
    const life = new Life(this.#random, this.#disk, this.#model);
    await life.run(log, clock);
    await life.drain(clock);
    life.check();
    this.#disk.healAll();
    await closeOver(clock, log);
    const again = await this.#open();
    await this.#model.settle(again.log);
    await closeOver(again.clock, again.log);
    this.#checkFiles();
  }

  /** Segments of a closed log hold whole batches in order, and nothing else. */
  #checkFiles(): void {
    for (const path of this.#disk.paths()) {
      const match = /\/(\d{20})(\.\d+)?\.log$/.exec(path);
      if (match === null) continue;
      if (match[2] !== undefined) this.#compacted++;
      let offset = Number(match[1]);
      for (const batch of decodeBatches(this.#disk.contents(path), testCodecs)) {
        assert.equal(batch.baseOffset, offset, path);
        assert.ok(batch.matchesChecksum(crc32c), path);
        assert.equal(batch.records().length, batch.count, path);
        offset = batch.lastOffset + 1;
      }
    }
  }

  async #open(): Promise<{ log: EventLog; clock: VirtualClock }> {
    const clock = new VirtualClock(this.#nowMs);
    const log = await openEmbeddedLog({
      folder: FOLDER,
      files: this.#disk.mount(),
      clock,
      meter: silentMeter,
      logger: silentLogger,
      random: seededRandom(this.#seed + 7),
      codecs: testCodecs,
      limits: this.#limits(),
    });
    return { log, clock };
  }

  #limits(): EmbeddedLogLimits {
    const pick = (values: readonly number[]) => values[this.#whole(values.length)]!;
    return {
      ...SMALL_LIMITS,
      inPlaceBytesMin: pick([300, 1_000, 1 << 20]),
      segmentBytes: pick([1_000, 4_000, 20_000]),
      journalFileBytes: pick([1_000, 4_000, 16_000]),
      recentBytesMax: pick([0, 2_000, 1 << 20]),
      commitIntervalMs: pick([0, 0, 2]),
      compactionBytesMax: pick([1, 250, 1 << 20]),
      retentionIntervalMs: pick([50, 500, 5_000]),
    };
  }

  #whole(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}

/** Closes a log that may have to wait for its clock before its last commit. */
async function closeOver(clock: VirtualClock, log: EventLog): Promise<void> {
  const closing = { isDone: false };
  const closed = log.close().finally(() => (closing.isDone = true));
  for (let turns = 0; turns < 1_000 && !closing.isDone; turns++) await clock.advance(10);
  assert.ok(closing.isDone, 'the log does not close');
  await closed;
}

/** What one program does with its log. */
class Life {
  readonly #random: Random;
  readonly #disk: SimulatedDisk;
  readonly #model: CommitModel;
  readonly #crashesBefore: number;
  readonly #pending = new Set<Promise<void>>();
  #hasFailed = false;
  #problem: unknown;

  constructor(random: Random, disk: SimulatedDisk, model: CommitModel) {
    this.#random = random;
    this.#disk = disk;
    this.#model = model;
    this.#crashesBefore = disk.crashes;
  }

  /**
   * A dead program does nothing more; its promises that are on their way must not look like those of the next
   * one.
   */
  get hasDied(): boolean {
    return this.#disk.crashes > this.#crashesBefore;
  }

  /** Throws what an operation failed with that it must not fail with. */
  check(): void {
    assert.ifError(this.#problem);
  }

  async run(log: EventLog, clock: VirtualClock): Promise<void> {
    void this.#track(
      log.createTopic('a', { partitions: 2, keyed: false, compression: this.#compression() }).then(() => {}),
    );
    void this.#track(
      log.createTopic('b', { partitions: 1, compression: this.#compression() }).then(() => {}),
    );
    void this.#track(
      log
        .createTopic('c', {
          partitions: 1,
          cleanup: 'compact',
          tombstoneRetentionMs: [0, 20, 1e9][this.#whole(3)]!,
          compression: this.#compression(),
        })
        .then(() => {}),
    );
    await this.drain(clock);
    const turns = 10 + this.#whole(50);
    for (let turn = 0; turn < turns && !this.hasDied && !this.#hasFailed; turn++)
      await this.#turn(log, clock);
  }

  /** Waits for everything that was begun. */
  async drain(clock: VirtualClock): Promise<void> {
    for (let turns = 0; this.#pending.size > 0 && !this.hasDied; turns++) {
      assert.ok(turns < 1_000, `${this.#pending.size} operations do not end`);
      await clock.advance(10);
    }
  }

  async #turn(log: EventLog, clock: VirtualClock): Promise<void> {
    const chance = this.#random.next();
    if (chance < 0.6) {
      for (let i = this.#whole(4); i >= 0; i--) this.#commit(log);
    } else if (chance < 0.7) {
      this.#deleteRecords(log);
    } else if (chance < 0.74) {
      const partitions = (log.describe('a')?.partitions ?? 2) + 1;
      if (partitions <= 4) void this.#track(log.addPartitions('a', partitions).then(() => {}));
    } else if (chance < 0.8) {
      await clock.advance(this.#whole(7_000));
    } else if (chance < 0.84) {
      await this.#fillDisk(log, clock);
    } else if (chance < 0.85 && !this.hasDied) {
      this.#disk.inject({ operation: 'sync', code: 'EIO' });
    } else if (chance < 0.9) {
      await this.#readSome(log);
    }
    if (this.#random.next() < 0.5) await clock.advance(this.#whole(3));
  }

  #commit(log: EventLog): void {
    const partitions = log.describe('a')?.partitions ?? 0;
    const areThere = partitions > 0 && log.describe('b') !== undefined && log.describe('c') !== undefined;
    if (this.hasDied || !areThere) return;
    const places = Array.from({ length: this.#whole(4) }, () => {
      const chance = this.#random.next();
      if (chance < 0.6) return { topic: chance < 0.2 ? 'b' : 'c', partition: 0 };
      return { topic: 'a', partition: this.#whole(partitions) };
    });
    const commit = this.#model.begin(places, () => 1 + this.#whole(4));
    const [topic, partition] = GROUP_PLACE;
    const promise = log.commit({
      appends: commit.appends.map((append) => ({
        topic: append.topic,
        partition: append.partition,
        batch: this.#batch(append),
      })),
      offsets: [{ group: GROUP, topic, partition, nextOffset: commit.number }],
    });
    void this.#track(this.#follow(commit, promise));
  }

  #batch({ topic, values }: ModelAppend): RecordBatchBuilder {
    const texts = values.map((value) => `${value} ${'.'.repeat(this.#size())}`);
    if (topic !== 'c') return batchOf(texts);
    const batch = new RecordBatchBuilder({ createdAtMs: 1 });
    texts.forEach((text, i) => {
      const { key, isTombstone } = keyedOf(values[i]!);
      batch.append(Buffer.from(key), isTombstone ? null : Buffer.from(text));
    });
    return batch;
  }

  async #follow(commit: ModelCommit, promise: ReturnType<EventLog['commit']>): Promise<void> {
    try {
      commit.baseOffsets = (await promise).baseOffsets;
      commit.status = 'acknowledged';
    } catch (error) {
      assert.ok(isMillraceError(error), String(error));
      commit.status = error.kind === 'transient' ? 'refused' : 'unknown';
      throw error;
    }
  }

  #deleteRecords(log: EventLog): void {
    const topic = ['a', 'b', 'c'][this.#whole(3)]!;
    if (this.hasDied || log.describe(topic) === undefined) return;
    const { startOffset, endOffset } = log.range(topic, 0);
    const offset = startOffset + this.#whole(endOffset - startOffset + 1);
    this.#model.askStart(topic, 0, offset);
    void this.#track(
      log.deleteRecordsBefore(topic, 0, offset).then(() => this.#model.answerStart(topic, 0, offset)),
    );
  }

  /** Leaves little space for a while; commits may be refused, and must be taken again afterwards. */
  async #fillDisk(log: EventLog, clock: VirtualClock): Promise<void> {
    if (this.hasDied) return;
    this.#disk.capacityBytes = this.#disk.usedBytes + this.#whole(3_000);
    for (let i = 0; i < 6; i++) {
      this.#commit(log);
      if (this.#random.next() < 0.5) await clock.advance(1);
    }
    await clock.advance(this.#whole(6_000));
    if (this.hasDied) return;
    this.#disk.capacityBytes = Infinity;
    await clock.advance(1_000);
  }

  /** What can be seen is a prefix of what was begun. */
  async #readSome(log: EventLog): Promise<void> {
    const topic = this.#random.next() < 0.5 ? 'a' : 'c';
    if (log.describe(topic) === undefined) return;
    const { startOffset, endOffset } = log.range(topic, 0);
    if (startOffset === endOffset) return;
    const offset = startOffset + this.#whole(endOffset - startOffset);
    try {
      const batches = await log.read(topic, 0, { offset, bytesMax: 500 });
      assert.ok(batches.length > 0 && batches[0]!.baseOffset <= offset && batches[0]!.lastOffset >= offset);
    } catch (error) {
      // A deletion that was asked for before may have come first.
      if (!isMillraceError(error) || error.code !== 'LOG_OFFSET_OUT_OF_RANGE') throw error;
    }
  }

  /** Follows an operation to its end; what it may fail with is known, and a fatal failure ends this life. */
  #track(operation: Promise<void>): Promise<void> {
    const tracked = operation
      .catch((error: unknown) => {
        if (!isMillraceError(error) || !EXPECTED_CODES.has(error.code)) this.#problem ??= error;
        else if (error.kind === 'fatal') this.#hasFailed = true;
      })
      .finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
    return tracked;
  }

  #compression(): Compression {
    return COMPRESSIONS[this.#whole(COMPRESSIONS.length)]!;
  }

  #size(): number {
    return this.#random.next() < 0.15 ? this.#whole(2_500) : this.#whole(60);
  }

  #whole(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}
