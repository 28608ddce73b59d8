import { BugError, messageOf, type Clock, type FileSystem, type Logger, type Meter } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import { Committer } from './committer.ts';
import type { InputReader } from './input-reader.ts';
import { prepareTopics, taskCount } from './partition-plan.ts';
import type { StateKeeper } from './state-keeper.ts';
import type { StoreCatalog } from './store-catalog.ts';
import type { StreamTask } from './stream-task.ts';
import { StreamsMetrics } from './streams-metrics.ts';
import type { ApplicationCommit } from './application-commit.ts';
import { TaskFactory, type TaskParts } from './task-factory.ts';
import type { Topology } from './topology.ts';

/** What all applications of a runtime share. */
export interface ApplicationOptions {
  readonly topology: Topology;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly files: FileSystem;
  readonly stateFolder: string;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly commitIntervalMs: number;
  readonly cacheBytesMax: number;
  readonly checkpointRecordsMin: number;
  readonly reader: InputReader;
  readonly catalog: StoreCatalog;
  /** Aborted when the runtime closes. */
  readonly closing: AbortSignal;
  /** There may be something to process. */
  readonly wake: () => void;
}

export type ApplicationState = 'restoring' | 'running' | 'failed' | 'closed';

interface RunningTask extends TaskParts {
  readonly task: StreamTask;
}

/** When only offsets have moved nobody waits for the commit. */
const OFFSETS_COMMIT_INTERVAL_MS = 1000;
/** Results of this size are committed at once. */
const COMMIT_BYTES = 1024 * 1024;
/** Processing stops until a commit makes room. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;
/** Checkpoints at closing are for stores that take no time. */
const CLOSING_CHECKPOINT_ROWS_MAX = 20_000;
const CHECKPOINT_RETRY_MS = 30_000;

/** One topology at work: its tasks, their commits, state and growth. */
export class Application {
  readonly id: string;
  readonly metrics: StreamsMetrics;
  readonly #options: ApplicationOptions;
  readonly #topology: Topology;
  readonly #factory: TaskFactory;
  /** One for each sub-topology, so that a step need not wait for the step before it. */
  readonly #committers: readonly Committer[];
  readonly #running: RunningTask[] = [];
  /** Share of the state that is restored, by task. */
  readonly #restored = new Map<string, number>();
  #state: ApplicationState = 'restoring';
  #checkpointNotBeforeMs = 0;

  constructor(options: ApplicationOptions) {
    const { topology, meter, wake } = options;
    this.#options = options;
    this.#topology = topology;
    this.id = topology.applicationId;
    this.metrics = new StreamsMetrics(meter, this.id);
    const onFailure = (error: unknown) => this.fail(error);
    this.#factory = new TaskFactory({ ...options, metrics: this.metrics, onResume: wake, onFailure });
    this.#committers = topology.subTopologies.map(({ id }) => {
      return new Committer({
        ...options,
        application: this.id,
        metrics: this.metrics,
        tasks: () => this.#running.filter(({ subTopology }) => subTopology.id === id).map(({ task }) => task),
        onCommitted: (commit, changelogEnds) => this.#onCommitted(commit, changelogEnds),
        onFailure,
      });
    });
  }

  get state(): ApplicationState {
    return this.#state;
  }

  get #isOver(): boolean {
    return this.#state === 'failed' || this.#state === 'closed';
  }

  *tasks(): Generator<StreamTask, void> {
    for (const { task } of this.#running) yield task;
  }

  *#keepers(): Generator<StateKeeper, void> {
    for (const { keepers } of this.#running) yield* keepers;
  }

  /** Makes missing topics; refuses what cannot run. */
  async prepare(): Promise<void> {
    await prepareTopics(this.#options.log, this.#topology);
    this.#factory.refresh();
  }

  /** Makes the tasks that are missing and restores their state; each begins as soon as it is restored. */
  async startTasks(): Promise<void> {
    const started: Promise<void>[] = [];
    for (const subTopology of this.#topology.subTopologies) {
      const count = taskCount(this.#options.log, this.#topology, subTopology);
      for (let partition = 0; partition < count; partition++) {
        const id = `${subTopology.id}_${partition}`;
        if (this.#restored.has(id)) continue;
        this.#restored.set(id, 0);
        started.push(this.#start(this.#factory.createParts(id, subTopology, partition)));
      }
    }
    await Promise.all(started);
    if (this.#state === 'restoring') {
      this.#state = 'running';
      this.metrics.running.set(1);
    }
  }

  async #start(parts: TaskParts): Promise<void> {
    const { id, keepers } = parts;
    for (let i = 0; i < keepers.length; i++) {
      await keepers[i]!.restore((share) => this.#restored.set(id, (i + share) / keepers.length));
    }
    if (this.#isOver || this.#options.closing.aborted) return;
    this.#restored.set(id, 1);
    const task = this.#factory.createTask(parts);
    for (const { store } of keepers) this.#options.catalog.add(store);
    this.#running.push({ ...parts, task });
    this.#options.wake();
  }

  /** True when a topic has more partitions than there are tasks for. */
  get hasNewPartitions(): boolean {
    if (this.#isOver) return false;
    for (const { id, sources } of this.#topology.subTopologies) {
      for (const { topic } of sources) {
        const count = this.#options.log.describe(topic!)?.partitions ?? 0;
        if (count > 0 && !this.#restored.has(`${id}_${count - 1}`)) return true;
      }
    }
    return false;
  }

  /** Processes some records of a task; returns how many. */
  run(task: StreamTask, recordsMax: number): number {
    if (this.#isOver) return 0;
    try {
      const pendingBytes = this.#pendingBytes;
      if (pendingBytes > COMMIT_BYTES) this.#committerOf(task).request(0);
      if (pendingBytes > PENDING_BYTES_MAX) return 0;
      const count = task.run(recordsMax);
      this.#fetch(task);
      this.#requestCommit(task);
      return count;
    } catch (error) {
      this.fail(error);
      return 0;
    }
  }

  get #pendingBytes(): number {
    let bytes = 0;
    for (const { task } of this.#running) bytes += task.processors.pendingBytes;
    return bytes;
  }

  #requestCommit(task: StreamTask): void {
    const { commitIntervalMs } = this.#options;
    if (task.hasWritten) this.#committerOf(task).request(commitIntervalMs);
    else if (task.hasProgressed) {
      this.#committerOf(task).request(Math.max(commitIntervalMs, OFFSETS_COMMIT_INTERVAL_MS));
    }
  }

  #committerOf({ subTopologyId }: StreamTask): Committer {
    return this.#committers[subTopologyId]!;
  }

  #fetch(task: StreamTask): void {
    for (const input of task.inputs) {
      if (!input.wantsFetch) continue;
      input.fetch().then(
        () => this.#options.wake(),
        (error: unknown) => this.fail(error),
      );
    }
  }

  /** A commit touched the topic. */
  noticeAppend(topic: string): void {
    for (const { task } of this.#running) {
      for (const input of task.inputs) if (input.topic === topic) input.noticeAppend();
    }
  }

  /** Calls the wall-clock punctuators that are due. */
  punctuate(nowMs: number): void {
    if (this.#isOver) return;
    try {
      for (const { task } of this.#running) {
        task.punctuate(nowMs);
        this.#requestCommit(task);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #onCommitted(commit: ApplicationCommit, changelogEnds: ReadonlyMap<string, readonly number[]>): void {
    for (const { keepers, partition } of this.#running) {
      for (const keeper of keepers) {
        const end = changelogEnds.get(this.#factory.changelogTopic(keeper.store.name))?.[partition];
        if (end !== undefined) keeper.changelogOffset = end;
      }
    }
    const changed = new Set(commit.tasks.flatMap(({ changes }) => changes.map(({ store }) => store.name)));
    for (const store of changed) this.#options.catalog.changed(store);
    if (this.#isOver) return;
    for (const { task } of this.#running) this.#requestCommit(task);
    this.#options.wake();
  }

  /** Stops at the last commit. What was committed stays queryable. */
  fail(error: unknown): void {
    if (error instanceof BugError) throw error;
    if (this.#isOver || this.#options.closing.aborted) return;
    this.#state = 'failed';
    this.metrics.running.set(0);
    for (const committer of this.#committers) committer.stop();
    for (const { task } of this.#running) task.close();
    const fields = { application: this.id, message: messageOf(error), error };
    this.#options.logger.error('streams: a topology has stopped', fields);
  }

  /** Final commit and, where it takes no time, checkpoints. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    const isCommitted = await this.#finalCommit();
    this.#state = 'closed';
    this.metrics.running.set(0);
    for (const { task } of this.#running) task.close();
    if (!isCommitted) return;
    for (const keeper of this.#keepers()) {
      const isQuick = keeper.store.entryCount <= CLOSING_CHECKPOINT_ROWS_MAX;
      if (isQuick && keeper.tailRecords > 0) await keeper.checkpoint();
    }
  }

  async #finalCommit(): Promise<boolean> {
    try {
      await Promise.all(this.#committers.map((committer) => committer.finish()));
      return true;
    } catch (error) {
      const fields = { application: this.id, message: messageOf(error) };
      this.#options.logger.warn('streams: the last results are not committed; they are made again', fields);
      return false;
    }
  }

  /** Writes one checkpoint that is due, if there is any. */
  async checkpoint(): Promise<void> {
    const { clock, logger, closing } = this.#options;
    if (this.#isOver || clock.monotonicMs() < this.#checkpointNotBeforeMs) return;
    for (const keeper of this.#keepers()) {
      if (!keeper.isCheckpointDue) continue;
      try {
        await keeper.checkpoint(closing);
      } catch (error) {
        if (closing.aborted) return;
        this.#checkpointNotBeforeMs = clock.monotonicMs() + CHECKPOINT_RETRY_MS;
        const fields = { application: this.id, store: keeper.store.name, message: messageOf(error) };
        logger.error('streams: a checkpoint failed; trying again later', fields);
      }
      return;
    }
  }

  /** Deletes what is processed from the internal topics between sub-topologies. */
  async purgeRepartitionTopics(): Promise<void> {
    const { log } = this.#options;
    for (const { topic } of this.#topology.graph.repartitionTopics) {
      const partitions = log.describe(topic)?.partitions ?? 0;
      for (let partition = 0; partition < partitions; partition++) {
        const committed = log.committedOffset(this.id, topic, partition);
        if (committed === undefined || committed <= log.range(topic, partition).startOffset) continue;
        await log.deleteRecordsBefore(topic, partition, committed);
      }
    }
  }

  /** Records in the log that are not processed. */
  get lagRecords(): number {
    let lag = 0;
    for (const { task } of this.#running) {
      for (const { topic, partition, position } of task.inputs) {
        lag += this.#options.log.range(topic, partition).endOffset - position;
      }
    }
    return lag;
  }

  /** Age of the oldest record that is read and not processed; 0 when there is none. */
  delayMs(nowMs: number): number {
    let oldestMs = nowMs;
    for (const { task } of this.#running) oldestMs = Math.min(oldestMs, task.oldestWaitingMs ?? nowMs);
    return nowMs - oldestMs;
  }

  /** Share of the state that is restored, 0 to 1. */
  get restoreProgress(): number {
    let sum = 0;
    for (const share of this.#restored.values()) sum += share;
    return this.#restored.size === 0 ? 0 : sum / this.#restored.size;
  }

  /** Sets the gauges. */
  measure(nowMs: number): void {
    this.metrics.lagRecords.set(this.lagRecords);
    this.metrics.lagMs.set(this.delayMs(nowMs));
    this.metrics.pendingBytes.set(this.#pendingBytes);
    this.metrics.restoreProgress.set(this.restoreProgress);
    const entries = new Map<string, number>();
    for (const { store } of this.#keepers()) {
      entries.set(store.name, (entries.get(store.name) ?? 0) + store.entryCount);
    }
    for (const [store, count] of entries) this.metrics.stateEntries(store).set(count);
  }
}
