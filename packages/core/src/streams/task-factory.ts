import { messageOf, type Clock, type FileSystem, type Logger } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import { fail } from './errors.ts';
import type { InputReader } from './input-reader.ts';
import { ProcessorTopology } from './processor-topology.ts';
import { StateKeeper } from './state-keeper.ts';
import { StreamTask } from './stream-task.ts';
import type { StreamsMetrics } from './streams-metrics.ts';
import { TaskInput } from './task-input.ts';
import type { Topology } from './topology.ts';
import type { SubTopology } from './topology-graph.ts';

export interface TaskFactoryOptions {
  readonly topology: Topology;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly files: FileSystem;
  readonly stateFolder: string;
  readonly logger: Logger;
  readonly metrics: StreamsMetrics;
  readonly reader: InputReader;
  readonly closing: AbortSignal;
  /** Bytes of updates that a task may hold back; 0 sends each at once. */
  readonly cacheBytesMax: number;
  readonly checkpointRecordsMin: number;
  /** A task can go on. */
  readonly onResume: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** One partition of a sub-topology, from its restoration to its end. */
export interface TaskParts {
  /** `<sub-topology>_<partition>`. */
  readonly id: string;
  readonly subTopology: SubTopology;
  readonly partition: number;
  readonly processors: ProcessorTopology;
  /** One for each store. */
  readonly keepers: readonly StateKeeper[];
}

/** A guess of what one held update takes. */
const HELD_UPDATE_BYTES = 128;

/** Makes the tasks of one application. */
export class TaskFactory {
  readonly #options: TaskFactoryOptions;
  readonly #partitions = new Map<string, number>();

  constructor(options: TaskFactoryOptions) {
    this.#options = options;
  }

  /** Forgets how many partitions topics had. */
  refresh(): void {
    this.#partitions.clear();
  }

  changelogTopic(store: string): string {
    return this.#options.topology.graph.internalTopic(store, 'changelog');
  }

  /** The task's stores, still empty, and what fills them. */
  createParts(id: string, subTopology: SubTopology, partition: number): TaskParts {
    const processors = this.#createProcessors(subTopology, partition);
    const { files, clock, log, logger, stateFolder, topology } = this.#options;
    const { checkpointRecordsMin, closing } = this.#options;
    const keepers = [...processors.stores.values()].map((store) => {
      return new StateKeeper({
        files,
        clock,
        log,
        logger,
        folder: `${stateFolder}/${topology.applicationId}`,
        changelogTopic: this.changelogTopic(store.name),
        partition,
        store,
        checkpointRecordsMin,
        closing,
      });
    });
    return { id, subTopology, partition, processors, keepers };
  }

  /**
   * The running task, once its stores are restored. Begins where the group's offsets say, else at the topic's
   * start.
   */
  createTask({ subTopology, partition, processors }: TaskParts): StreamTask {
    const { topology, log, clock, reader, logger, onResume, onFailure } = this.#options;
    processors.open();
    const inputs: TaskInput[] = [];
    for (const { topic } of subTopology.sources) {
      if (partition >= log.describe(topic!)!.partitions) continue;
      const committed = log.committedOffset(topology.applicationId, topic!, partition);
      const position = committed ?? log.range(topic!, partition).startOffset;
      const source = processors.source(topic!);
      inputs.push(new TaskInput({ source, partition, position, log, reader, logger }));
    }
    return new StreamTask({
      subTopologyId: subTopology.id,
      application: topology.applicationId,
      partition,
      processors,
      inputs,
      changelogTopicOf: (store) => this.changelogTopic(store),
      hasResults: this.#hasResults(subTopology),
      clock,
      onResume,
      onFailure,
    });
  }

  #createProcessors(subTopology: SubTopology, partition: number): ProcessorTopology {
    const { topology, clock, closing, cacheBytesMax, metrics, logger } = this.#options;
    const heldBytesMax = topology.options.cacheBytesMax ?? cacheBytesMax;
    return new ProcessorTopology({
      topology,
      subTopology,
      partition,
      clock,
      signal: closing,
      heldUpdatesMax: Math.floor(heldBytesMax / HELD_UPDATE_BYTES),
      partitionsOf: (topic) => this.#partitionsOf(topic),
      droppedCounter: (operator, reason) => metrics.dropped(operator, reason),
      onFailure: ({ operator, error }, response) => {
        metrics.failures(response).add(1);
        const fields = { application: topology.applicationId, operator, response, message: messageOf(error) };
        logger.debug('streams: a record failed', fields);
      },
    });
  }

  #partitionsOf(topic: string): number {
    let count = this.#partitions.get(topic);
    if (count === undefined) {
      count = this.#options.log.describe(topic)?.partitions;
      if (count === undefined) throw fail('STREAMS_BAD_OPTION', { message: `There is no topic '${topic}'.` });
      this.#partitions.set(topic, count);
    }
    return count;
  }

  #hasResults({ nodes, stores }: SubTopology): boolean {
    const { graph } = this.#options.topology;
    if (stores.some(({ isQueryable }) => isQueryable)) return true;
    return nodes.some(({ kind, topic }) => kind === 'sink' && !graph.isRepartitionTopic(topic!));
  }
}
