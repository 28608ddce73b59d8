import type { AnyEvent, EventContract } from '../contract/index.ts';
import type { RecordHeader } from '../log/index.ts';
import { DEAD_LETTERS_TOPIC } from './dead-letter.ts';
import { DriverClock } from './driver-clock.ts';
import { fail } from './errors.ts';
import { eventTimeOf } from './event-time-header.ts';
import type { DropReason } from './operator.ts';
import type { QueryableStores } from './port.ts';
import { ProcessorTopology } from './processor-topology.ts';
import { Serdes, textOf, type Serde } from './serde.ts';
import { StoreCatalog } from './store-catalog.ts';
import { noHeaders, StreamRecord, type Pending } from './stream-record.ts';
import { TestRecord } from './test-records.ts';
import type { Topology } from './topology.ts';

export interface TestDriverOptions {
  /** Where the driver's wall clock stands. Default 0. */
  readonly startMs?: number;
}

export interface TestTopicOptions<K, V> {
  /** Default `Serdes.string`. */
  readonly keySerde?: Serde<K>;
  /** Default `Serdes.json()`. */
  readonly valueSerde?: Serde<V>;
}

/** A record that a topology rejected. */
export interface TestDeadLetter {
  readonly code: string;
  readonly message: string;
  readonly operator: string;
  readonly topic: string;
  /** The raw value as text. */
  readonly value: string | null;
}

/** Pipes records into one topic. */
export interface TestInputTopic<K, V> {
  /** Processes one record to the end. Without `timestampMs` it carries the driver's wall time. */
  pipe(key: K | null, value: V | null, timestampMs?: number): void;
  /** The same for topologies with asynchronous functions. */
  pipeAsync(key: K | null, value: V | null, timestampMs?: number): Promise<void>;
}

/** Pipes events of one contract. */
export interface TestEventTopic<Event> {
  /**
   * Processes one event to the end. Event type and, where they are left out, id and time (the driver's wall
   * time) are filled in. An event that the contract refuses is a `TypeError`.
   */
  pipe(event: PartialEvent<Event>): void;
  pipeAsync(event: PartialEvent<Event>): Promise<void>;
}

type SystemField = 'event_id' | 'event_type' | 'event_timestamp';

export type PartialEvent<Event> = Omit<Event, SystemField> & Partial<Pick<Event, SystemField & keyof Event>>;

/** What a topology wrote to one topic, in order. */
export interface TestOutputTopic<K, V> {
  readonly isEmpty: boolean;
  /** Takes all records that are there. */
  readRecords(): StreamRecord<K | null, V | null>[];
  readKeyValues(): [key: K | null, value: V | null][];
  readValues(): (V | null)[];
}

const COMMIT_EVERY_RECORDS = 1000;

/**
 * Runs a topology without log, files or real time: each piped record goes all the way, through internal
 * topics too, before the call returns. One partition per topic, and every update is sent on, as Kafka
 * Streams' driver of the same name does. Values are frozen, so that a function that changes its input fails
 * here.
 *
 * @example
 * ```ts
 * const driver = new TopologyTestDriver(activity);
 * const views = driver.createEventInput(pageView);
 * views.pipe({ user_id: 'ann', session_id: 's', page: '/', event_timestamp: 1_000 });
 * driver.stores.read('views_per_minute', {}); // [{ key: 'ann', windowStartMs: 0, windowEndMs: 60000, value:
 * 1 }]
 * ```
 */
export class TopologyTestDriver {
  readonly #topology: Topology;
  readonly #clock: DriverClock;
  readonly #tasks: readonly ProcessorTopology[];
  readonly #taskOf = new Map<string, ProcessorTopology>();
  readonly #catalog = new StoreCatalog();
  readonly #outputs = new Map<string, TestRecord[]>();
  readonly #queue: TestRecord[] = [];
  readonly #dropped = new Map<string, number>();
  readonly #closing = new AbortController();
  readonly #nextOffsets = new Map<string, number>();
  #eventCount = 0;
  #uncommitted = 0;

  constructor(topology: Topology, options: TestDriverOptions = {}) {
    this.#topology = topology;
    this.#clock = new DriverClock(options.startMs ?? 0);
    for (const store of topology.graph.stores) if (store.isQueryable) this.#catalog.declare(store.name);
    this.#tasks = topology.subTopologies.map((subTopology) => {
      const task = new ProcessorTopology({
        topology,
        subTopology,
        partition: 0,
        clock: this.#clock,
        signal: this.#closing.signal,
        heldUpdatesMax: 0,
        partitionsOf: () => 1,
        droppedCounter: (_operator, reason) => ({ add: (amount) => this.#count(reason, amount) }),
        onFailure: () => {},
      });
      task.open();
      for (const { topic } of subTopology.sources) this.#taskOf.set(topic!, task);
      for (const store of task.stores.values()) this.#catalog.add(store);
      return task;
    });
  }

  createInputTopic<K = string, V = unknown>(
    topic: string,
    options: TestTopicOptions<K, V> = {},
  ): TestInputTopic<K, V> {
    const keySerde = options.keySerde ?? (Serdes.string as unknown as Serde<K>);
    const valueSerde = options.valueSerde ?? Serdes.json<V>();
    const enqueue = (key: K | null, value: V | null, timestampMs = this.#clock.nowMs()) => {
      this.#enqueue({
        topic,
        key: key === null ? null : keySerde.serialize(key),
        value: value === null ? null : valueSerde.serialize(value),
        timestampMs,
        headers: noHeaders,
      });
    };
    return {
      pipe: (key, value, timestampMs) => {
        enqueue(key, value, timestampMs);
        this.#drainNow();
      },
      pipeAsync: async (key, value, timestampMs) => {
        enqueue(key, value, timestampMs);
        await this.#drain();
      },
    };
  }

  createEventInput<Event>(contract: EventContract<Event>): TestEventTopic<Event> {
    const enqueue = (given: PartialEvent<Event>) => {
      const nowMs = this.#clock.nowMs();
      const event: AnyEvent = {
        [contract.idField]: `e${this.#eventCount++}`,
        [contract.timeField]: nowMs,
        ...given,
        event_type: contract.name,
      };
      const violation = contract.violation(event);
      if (violation !== undefined) throw new TypeError(`No ${contract.name}: ${violation.message}`);
      const key = contract.keyOf(event);
      this.#enqueue({
        topic: contract.topic,
        key: key === undefined ? null : Buffer.from(key),
        value: Buffer.from(JSON.stringify(event)),
        timestampMs: nowMs,
        headers: noHeaders,
      });
    };
    return {
      pipe: (event) => {
        enqueue(event);
        this.#drainNow();
      },
      pipeAsync: async (event) => {
        enqueue(event);
        await this.#drain();
      },
    };
  }

  createOutputTopic<K = string, V = unknown>(
    topic: string,
    options: TestTopicOptions<K, V> = {},
  ): TestOutputTopic<K, V> {
    const keySerde = options.keySerde ?? (Serdes.string as unknown as Serde<K>);
    const valueSerde = options.valueSerde ?? Serdes.json<V>();
    const take = () =>
      this.#take(topic).map((record) => {
        const key = record.key === null ? null : keySerde.deserialize(record.key);
        const value = record.value === null ? null : valueSerde.deserialize(record.value);
        const timestampMs = eventTimeOf(record.recordHeaders) ?? record.logTimestampMs;
        return new StreamRecord(key, value, timestampMs, record.recordHeaders);
      });
    const outputs = this.#outputs;
    return {
      get isEmpty() {
        return (outputs.get(topic)?.length ?? 0) === 0;
      },
      readRecords: take,
      readKeyValues: () => take().map(({ key, value }) => [key, value]),
      readValues: () => take().map(({ value }) => value),
    };
  }

  /** The queryable stores, up to date. */
  get stores(): QueryableStores {
    this.#commit();
    return this.#catalog;
  }

  /** Takes the records that were rejected since the last call. */
  readDeadLetters(): TestDeadLetter[] {
    return this.#take(DEAD_LETTERS_TOPIC).map(({ recordHeaders, value }) => {
      const textAt = (name: string) => textOf(recordHeaders.findLast(({ key }) => key === name)!.value);
      return {
        code: textAt('code'),
        message: textAt('message'),
        operator: textAt('operator'),
        topic: textAt('topic'),
        value: value === null ? null : textOf(value),
      };
    });
  }

  /** Records that operators left out so far, by reason. */
  droppedCount(reason: DropReason): number {
    return this.#dropped.get(reason) ?? 0;
  }

  /** Moves the wall clock on: what sleeps wakes up, wall-clock punctuators that are due are called. */
  advanceWallClock(byMs: number): void {
    this.#clock.advanceTo(this.#clock.nowMs() + byMs);
    for (const task of this.#tasks) {
      if (task.punctuateWallClock(this.#clock.nowMs()) !== undefined) throw fail('STREAMS_ASYNC_IN_DRIVER');
      this.#route(task);
    }
    this.#drainNow();
  }

  close(): void {
    this.#closing.abort();
    for (const task of this.#tasks) task.close();
  }

  #enqueue(record: Omit<ConstructorParameters<typeof TestRecord>[0], 'offset'>): void {
    if (!this.#taskOf.has(record.topic)) {
      throw fail('STREAMS_BAD_OPTION', {
        message: `Topology '${this.#topology.applicationId}' does not read topic '${record.topic}'.`,
        details: { topic: record.topic },
      });
    }
    this.#queue.push(new TestRecord({ ...record, offset: this.#nextOffset(record.topic) }));
  }

  #drainNow(): void {
    for (let record = this.#queue.shift(); record !== undefined; record = this.#queue.shift()) {
      if (this.#process(record) !== undefined) throw fail('STREAMS_ASYNC_IN_DRIVER');
      this.#route(this.#taskOf.get(record.topic)!);
    }
  }

  async #drain(): Promise<void> {
    for (let record = this.#queue.shift(); record !== undefined; record = this.#queue.shift()) {
      await this.#process(record);
      this.#route(this.#taskOf.get(record.topic)!);
    }
  }

  #process(input: TestRecord): Pending {
    if (++this.#uncommitted >= COMMIT_EVERY_RECORDS) this.#commit();
    const task = this.#taskOf.get(input.topic)!;
    const source = task.source(input.topic);
    const record = task.decode(source, input, 0);
    return record === undefined ? undefined : task.process(source, record, input, 0);
  }

  /** Takes what the task wrote to where it is read. */
  #route(task: ProcessorTopology): void {
    if (task.collector.bytes === 0) return;
    for (const { topic, keys, values, headers } of task.collector.take()) {
      const isRead = this.#taskOf.has(topic);
      const isInternal = this.#topology.graph.isRepartitionTopic(topic);
      for (let i = 0; i < keys.length; i++) {
        const record = this.#record(topic, { key: keys[i]!, value: values[i]!, headers: headers[i]! });
        if (isRead) this.#queue.push(record);
        if (!isInternal) this.#output(topic).push(record);
      }
    }
  }

  #record(
    topic: string,
    record: {
      readonly key: Uint8Array | null;
      readonly value: Uint8Array | null;
      readonly headers: readonly RecordHeader[];
    },
  ): TestRecord {
    const timestampMs = this.#clock.nowMs();
    return new TestRecord({ topic, ...record, timestampMs, offset: this.#nextOffset(topic) });
  }

  #nextOffset(topic: string): number {
    const offset = this.#nextOffsets.get(topic) ?? 0;
    this.#nextOffsets.set(topic, offset + 1);
    return offset;
  }

  #output(topic: string): TestRecord[] {
    let output = this.#outputs.get(topic);
    if (output === undefined) this.#outputs.set(topic, (output = []));
    return output;
  }

  #take(topic: string): TestRecord[] {
    const records = this.#outputs.get(topic) ?? [];
    this.#outputs.delete(topic);
    return records;
  }

  #count(reason: DropReason, amount: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + amount);
  }

  #commit(): void {
    this.#uncommitted = 0;
    for (const task of this.#tasks) {
      for (const store of task.stores.values()) {
        const changes = store.capture(() => {}, task.streamTimeMs);
        if (changes === undefined) continue;
        store.confirm(changes);
        this.#catalog.changed(store.name);
      }
    }
  }
}
