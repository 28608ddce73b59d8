import type { Clock, FileSystem, Logger, Meter } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import { Application, type ApplicationState } from './application.ts';
import { fail } from './errors.ts';
import { InputReader } from './input-reader.ts';
import type { QueryableStores } from './port.ts';
import { StoreCatalog } from './store-catalog.ts';
import { TaskScheduler } from './task-scheduler.ts';
import type { Topology } from './topology.ts';

export interface StreamsRuntimeOptions {
  readonly log: EventLog;
  readonly topologies: readonly Topology[];
  readonly clock: Clock;
  readonly files: FileSystem;
  /** Folder for checkpoints; made when missing. It belongs to this runtime alone. */
  readonly stateFolder: string;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Least time between commits of a topology, and so the longest that results wait for one. Default 50. */
  readonly commitIntervalMs?: number;
  /**
   * As `cacheBytesMax` of a topology, for those that do not say. Default 10 MiB for each task; 0 sends every
   * update.
   */
  readonly cacheBytesMax?: number;
  /**
   * A store's checkpoint is written once its changelog has grown by this many records, or by as many as it
   * has rows where that is more: what a restart has to apply at most. Default 50,000.
   */
  readonly checkpointRecordsMin?: number;
}

/** How one topology is doing. */
export interface ApplicationStatus {
  readonly application: string;
  readonly state: ApplicationState;
  readonly tasks: number;
  /** Records in the log that are not processed. */
  readonly lagRecords: number;
  /** Age of the oldest record that is read and not processed. */
  readonly delayMs: number;
  /** 0 to 1. */
  readonly restoreProgress: number;
}

/** Runs topologies on a log. */
export interface StreamsRuntime {
  /** Interactive queries; a topology's stores can be read as soon as they are restored. */
  readonly stores: QueryableStores;
  /**
   * Resolves when all state is restored; rejects when a topology could not be started, and the others run.
   */
  readonly restored: Promise<void>;
  status(): readonly ApplicationStatus[];
  /** Records in the log that are not processed, over all topologies. */
  lagRecords(): number;
  /** Age of the oldest record that is read and not processed, by application id; 0 when there is none. */
  delaysMs(): ReadonlyMap<string, number>;
  /** Stops processing, commits what is done and closes; under a second where the log takes the commit. */
  close(): Promise<void>;
}

const COMMIT_INTERVAL_MS = 50;
const CACHE_BYTES_MAX = 10 * 1024 * 1024;
const CHECKPOINT_RECORDS_MIN = 50_000;
const HOUSEKEEPING_INTERVAL_MS = 250;
const MEASURE_EVERY_TICKS = 4;
const PURGE_EVERY_TICKS = 40;
/** How long closing waits for asynchronous functions to notice that they are aborted. */
const ABORT_WAIT_MS = 200;

/**
 * Starts topologies on a log: makes their internal topics, restores their state in the background and
 * processes. Outputs, changelogs and input offsets of a topology are in one commit of the log, so that each
 * record counts exactly once, whatever crashes. A topology that fails stops alone.
 *
 * Rejects for topologies that cannot run: `STREAMS_DUPLICATE_NAME`, `STREAMS_NOT_COPARTITIONED`,
 * `STREAMS_PARTITIONS_CHANGED`.
 */
export async function createStreamsRuntime(options: StreamsRuntimeOptions): Promise<StreamsRuntime> {
  const runtime = new EmbeddedRuntime(options);
  await runtime.start();
  return runtime;
}

class EmbeddedRuntime implements StreamsRuntime {
  readonly #options: StreamsRuntimeOptions;
  readonly #catalog = new StoreCatalog();
  readonly #closing = new AbortController();
  readonly #applications: readonly Application[];
  readonly #scheduler: TaskScheduler;
  #restored: Promise<void> = Promise.resolve();
  #cancelHousekeeping: (() => void) | undefined;
  #cancelListening: (() => void) | undefined;
  #upkeep: Promise<void> | undefined;
  #ticks = 0;

  constructor(options: StreamsRuntimeOptions) {
    const { topologies, log, clock } = options;
    const { commitIntervalMs = COMMIT_INTERVAL_MS, cacheBytesMax = CACHE_BYTES_MAX } = options;
    const { checkpointRecordsMin = CHECKPOINT_RECORDS_MIN } = options;
    this.#options = options;
    checkUnique(topologies);
    for (const { graph } of topologies) {
      for (const store of graph.stores) if (store.isQueryable) this.#catalog.declare(store.name);
    }
    const reader = new InputReader(log);
    this.#applications = topologies.map((topology) => {
      return new Application({
        ...options,
        topology,
        commitIntervalMs,
        cacheBytesMax,
        checkpointRecordsMin,
        reader,
        catalog: this.#catalog,
        closing: this.#closing.signal,
        wake: () => this.#scheduler.wake(),
      });
    });
    this.#scheduler = new TaskScheduler(clock, this.#applications);
  }

  get stores(): QueryableStores {
    return this.#catalog;
  }

  get restored(): Promise<void> {
    return this.#restored;
  }

  async start(): Promise<void> {
    const { files, stateFolder, log } = this.#options;
    await files.makeFolder(stateFolder);
    await files.syncFolder(stateFolder.slice(0, stateFolder.lastIndexOf('/')));
    for (const application of this.#applications) await application.prepare();
    this.#restored = this.#startTasks(this.#applications);
    // Whoever does not ask is told by the log entry.
    this.#restored.catch(() => {});
    this.#cancelListening = log.onCommit((topics) => this.#noticeAppends(topics));
    this.#planHousekeeping();
  }

  async #startTasks(applications: readonly Application[]): Promise<void> {
    const starts = applications.map(async (application) => {
      try {
        await application.startTasks();
      } catch (error) {
        application.fail(error);
        throw error;
      }
    });
    const failed = (await Promise.allSettled(starts)).find((start) => start.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #noticeAppends(topics: ReadonlySet<string>): void {
    for (const topic of topics) {
      for (const application of this.#applications) application.noticeAppend(topic);
    }
    this.#scheduler.wake();
  }

  #planHousekeeping(): void {
    this.#cancelHousekeeping = this.#options.clock.schedule(() => {
      this.#keepHouse();
      this.#planHousekeeping();
    }, HOUSEKEEPING_INTERVAL_MS);
  }

  #keepHouse(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#ticks++;
    for (const application of this.#applications) {
      application.punctuate(nowMs);
      if (this.#ticks % MEASURE_EVERY_TICKS === 0) application.measure(nowMs);
    }
    this.#upkeep ??= this.#runUpkeep().finally(() => {
      this.#upkeep = undefined;
    });
  }

  /** What takes time, one after the other: growth, checkpoints, purging. */
  async #runUpkeep(): Promise<void> {
    const isPurgeDue = this.#ticks % PURGE_EVERY_TICKS === 0;
    for (const application of this.#applications) {
      if (this.#closing.signal.aborted) return;
      try {
        if (application.hasNewPartitions) {
          await application.prepare();
          await application.startTasks();
        }
        await application.checkpoint();
        if (isPurgeDue) await application.purgeRepartitionTopics();
      } catch (error) {
        application.fail(error);
      }
    }
  }

  status(): readonly ApplicationStatus[] {
    const nowMs = this.#options.clock.nowMs();
    return this.#applications.map((application) => ({
      application: application.id,
      state: application.state,
      tasks: [...application.tasks()].length,
      lagRecords: application.lagRecords,
      delayMs: application.delayMs(nowMs),
      restoreProgress: application.restoreProgress,
    }));
  }

  lagRecords(): number {
    let lag = 0;
    for (const application of this.#applications) lag += application.lagRecords;
    return lag;
  }

  delaysMs(): ReadonlyMap<string, number> {
    const nowMs = this.#options.clock.nowMs();
    return new Map(this.#applications.map((application) => [application.id, application.delayMs(nowMs)]));
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#scheduler.stop();
    this.#cancelHousekeeping?.();
    this.#cancelListening?.();
    this.#closing.abort();
    await this.#restored.catch(() => {});
    await this.#upkeep;
    await this.#waitForSuspended();
    await Promise.all(this.#applications.map((application) => application.close()));
  }

  /**
   * Gives asynchronous functions a moment to finish; what does not is processed again after the next start.
   */
  async #waitForSuspended(): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + ABORT_WAIT_MS;
    while (clock.monotonicMs() < endMs && this.#applications.some(isWaiting)) {
      await new Promise<void>((resolve) => {
        clock.schedule(resolve, 5);
      });
    }
  }
}

function isWaiting(application: Application): boolean {
  return application.tasks().some((task) => task.isWaiting);
}

function checkUnique(topologies: readonly Topology[]): void {
  const ids = new Set<string>();
  for (const { applicationId } of topologies) {
    if (ids.has(applicationId)) {
      throw fail('STREAMS_DUPLICATE_NAME', {
        message: `Two topologies have the application id '${applicationId}'.`,
        details: { application: applicationId },
      });
    }
    ids.add(applicationId);
  }
}
