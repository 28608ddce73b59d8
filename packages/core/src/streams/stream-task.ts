import { assert, type Clock } from '../base/index.ts';
import type { GroupOffset } from '../log/index.ts';
import { isReplayed } from './event-time-header.ts';
import type { ProcessorTopology } from './processor-topology.ts';
import type { CollectedPartition } from './record-collector.ts';
import type { StoreChanges } from './state-store.ts';
import type { Pending, StreamRecord } from './stream-record.ts';
import { noHeaders } from './stream-record.ts';
import type { TaskInput } from './task-input.ts';

/** How many results one input batch had, for their latency. */
export interface ResultCount {
  /** When the input arrived. */
  readonly createdAtMs: number;
  count: number;
}

/** What one task adds to a commit. */
export interface TaskCommit {
  readonly task: StreamTask;
  readonly offsets: readonly GroupOffset[];
  /** Outputs and changelog records. */
  readonly written: readonly CollectedPartition[];
  readonly changes: readonly StoreChanges[];
  /** Arrival of the oldest input among it. */
  readonly createdAtMs: number;
  readonly results: readonly ResultCount[];
}

export interface StreamTaskOptions {
  readonly subTopologyId: number;
  readonly application: string;
  readonly partition: number;
  readonly processors: ProcessorTopology;
  readonly inputs: readonly TaskInput[];
  readonly changelogTopicOf: (store: string) => string;
  /** False where the results are internal only: their latency is that of the sub-topology behind. */
  readonly hasResults: boolean;
  readonly clock: Clock;
  /** A record that had to be waited for is done; there may be more to do. */
  readonly onResume: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** What a task waits for: an asynchronous function, between two commits. */
interface Suspension {
  readonly writesBefore: number;
}

/** One partition of a sub-topology: processes its records in order and collects what a commit holds. */
export class StreamTask {
  readonly subTopologyId: number;
  readonly processors: ProcessorTopology;
  readonly inputs: readonly TaskInput[];
  readonly #options: StreamTaskOptions;
  #suspension: Suspension | undefined;
  #results: ResultCount[] = [];
  #oldestCreatedAtMs = Infinity;
  #isClosed = false;
  #isAbandoned = false;

  constructor(options: StreamTaskOptions) {
    this.subTopologyId = options.subTopologyId;
    this.processors = options.processors;
    this.inputs = options.inputs;
    this.#options = options;
  }

  close(): void {
    this.#isClosed = true;
    this.processors.close();
    for (const input of this.inputs) input.close();
  }

  get isSuspended(): boolean {
    return this.#suspension !== undefined;
  }

  /** True while something asynchronous may still come to an end. */
  get isWaiting(): boolean {
    return this.isSuspended && !this.#isAbandoned;
  }

  /** True when there are records that it could process now. */
  get isReady(): boolean {
    return !this.isSuspended && this.#nextInput() !== undefined;
  }

  /** True when a commit would write records or rows. */
  get hasWritten(): boolean {
    return this.processors.pendingBytes > 0 || this.processors.hasHeldUpdates;
  }

  /** True when a commit would at least move offsets. */
  get hasProgressed(): boolean {
    return this.inputs.some(({ position, committedPosition }) => position !== committedPosition);
  }

  /** Processes up to `recordsMax` records; returns how many. Stops at one that has to be waited for. */
  run(recordsMax: number): number {
    let count = 0;
    while (count < recordsMax && this.#suspension === undefined) {
      const input = this.#nextInput();
      if (input === undefined) break;
      count++;
      // Not for this topology, or dead-lettered when it was read.
      if (input.head === undefined) input.advance();
      else this.#process(input, input.head);
      if (this.processors.holdsTooMuch && this.#suspension === undefined)
        this.#suspend(this.processors.flushUpdates());
    }
    return count;
  }

  /** Calls wall-clock punctuators that are due. */
  punctuate(nowMs: number): void {
    if (this.isSuspended || this.processors.punctuations.isEmpty) return;
    this.#suspend(this.processors.punctuateWallClock(nowMs));
  }

  /**
   * The input with the record that comes next, its head decoded; a head that is still undefined is of no use.
   * With several inputs that is the one with the lowest event time, once each has a record or none is left in
   * the log (KIP-695); of equal ones the first in the order of the topology.
   */
  #nextInput(): TaskInput | undefined {
    let earliest: TaskInput | undefined;
    for (const input of this.inputs) {
      const { batch } = input;
      if (batch === undefined) {
        if (input.isAtEnd) continue;
        return undefined;
      }
      input.head ??= this.processors.decode(input.source, batch, input.index);
      if (input.head === undefined) return input;
      if (earliest === undefined || input.head.timestampMs < earliest.head!.timestampMs) earliest = input;
    }
    return earliest;
  }

  #process(input: TaskInput, record: StreamRecord): void {
    const writesBefore = this.processors.writes;
    const pending = this.processors.process(input.source, record, input.batch!, input.index);
    if (pending === undefined) this.#finish(input, record, writesBefore);
    else this.#suspend(pending, { writesBefore }, () => this.#finish(input, record, writesBefore));
  }

  #finish(input: TaskInput, record: StreamRecord, writesBefore: number): void {
    const { createdAtMs } = input.batch!.batch;
    input.advance();
    if (this.processors.writes === writesBefore && !this.processors.hasHeldUpdates) return;
    if (createdAtMs < this.#oldestCreatedAtMs) this.#oldestCreatedAtMs = createdAtMs;
    if (!this.#options.hasResults || (record.headers !== noHeaders && isReplayed(record.headers))) return;
    const last = this.#results.at(-1);
    if (last?.createdAtMs === createdAtMs) last.count++;
    else this.#results.push({ createdAtMs, count: 1 });
  }

  #suspend(pending: Pending, suspension?: Suspension, finish?: () => void): void {
    if (pending === undefined) return;
    this.#suspension = suspension ?? { writesBefore: NaN };
    pending.then(
      () => {
        if (this.#isClosed) return;
        this.#suspension = undefined;
        finish?.();
        this.#options.onResume();
      },
      (error: unknown) => {
        this.#isAbandoned = true;
        if (!this.#isClosed) this.#options.onFailure(error);
      },
    );
  }

  /**
   * Forwards held updates so that a commit is complete. False when the task is in the middle of something: it
   * is then left out of this commit, unless the record that it waits for has written nothing yet.
   */
  prepareCommit(): boolean {
    if (this.#suspension !== undefined) {
      return this.#suspension.writesBefore === this.processors.writes && !this.processors.hasHeldUpdates;
    }
    this.#suspend(this.processors.flushUpdates());
    return !this.isSuspended;
  }

  /** Takes what the task has done since the last call. Only after `prepareCommit` said true. */
  capture(): TaskCommit {
    const { processors } = this;
    const { application, partition, changelogTopicOf } = this.#options;
    const changes: StoreChanges[] = [];
    for (const store of processors.stores.values()) {
      const topic = changelogTopicOf(store.name);
      const captured = store.capture((key, value) => {
        processors.collector.add(topic, partition, key, value, noHeaders);
      }, processors.streamTimeMs);
      if (captured !== undefined) changes.push(captured);
    }
    const offsets: GroupOffset[] = [];
    for (const input of this.inputs) {
      if (input.position === input.committedPosition) continue;
      const { topic, position } = input;
      offsets.push({ group: application, topic, partition: input.partition, nextOffset: position });
      input.committedPosition = position;
    }
    const results = this.#results;
    this.#results = [];
    const createdAtMs = Math.min(this.#oldestCreatedAtMs, this.#options.clock.nowMs());
    this.#oldestCreatedAtMs = Infinity;
    return { task: this, offsets, written: processors.collector.take(), changes, createdAtMs, results };
  }

  /** What was captured is in the log. */
  confirm(commit: TaskCommit): void {
    assert(commit.task === this, 'a commit is confirmed to its task');
    for (const changes of commit.changes) changes.store.confirm(changes);
  }

  /** Arrival of the oldest record that is read but not processed; undefined when there is none. */
  get oldestWaitingMs(): number | undefined {
    let oldest: number | undefined;
    for (const { batch } of this.inputs) {
      const createdAtMs = batch?.batch.createdAtMs;
      if (createdAtMs !== undefined && (oldest === undefined || createdAtMs < oldest)) oldest = createdAtMs;
    }
    return oldest;
  }
}
