import {
  assert,
  BugError,
  isMillraceError,
  messageOf,
  sleep,
  type Clock,
  type Counter,
} from '../base/index.ts';
import type { RecordHeader } from '../log/index.ts';
import { DEAD_LETTERS_TOPIC, deadLetterHeaders } from './dead-letter.ts';
import { fail } from './errors.ts';
import type { InputRecords } from './input-batch.ts';
import type {
  DropReason,
  Operator,
  OperatorFailure,
  PunctuationRequest,
  TaskScope,
  UpdateHolder,
} from './operator.ts';
import { Punctuations } from './punctuation.ts';
import { RecordCollector } from './record-collector.ts';
import { SourceOperator } from './source-operators.ts';
import type { StateStore } from './state-store.ts';
import { noHeaders, type Pending, type RecordContext, type StreamRecord } from './stream-record.ts';
import type { Topology } from './topology.ts';
import type { GraphNode, SubTopology } from './topology-graph.ts';

/** What processing needs from whoever runs it. */
export interface ProcessorTopologyOptions {
  readonly topology: Topology;
  readonly subTopology: SubTopology;
  readonly partition: number;
  readonly clock: Clock;
  /** Aborted when the task ends. */
  readonly signal: AbortSignal;
  /** Updates that stateful operators may hold back until the commit; 0 sends each at once. */
  readonly heldUpdatesMax: number;
  readonly partitionsOf: (topic: string) => number;
  readonly droppedCounter: (operator: string, reason: DropReason) => Counter;
  /** Counts failures by what was done about them. */
  readonly onFailure: (failure: OperatorFailure, response: 'dead-letter' | 'skip' | 'fail') => void;
}

/**
 * The context of the record that a task is processing. Plain fields: processors' contexts inherit from it.
 */
class TaskContext implements RecordContext {
  topic = '';
  readonly partition: number;
  offset = -1;
  timestampMs = -1;
  headers: readonly RecordHeader[] = noHeaders;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  readonly sleep: (delayMs: number) => Promise<void>;

  constructor(partition: number, clock: Clock, signal: AbortSignal) {
    this.partition = partition;
    this.signal = signal;
    this.nowMs = () => clock.nowMs();
    this.sleep = async (delayMs) => {
      await sleep(clock, delayMs, signal);
      if (signal.aborted) throw fail('STREAMS_CLOSING');
    };
  }
}

/** The operators and stores of a sub-topology in one task: takes a record through all of them. */
export class ProcessorTopology implements TaskScope {
  readonly partition: number;
  readonly context: TaskContext;
  readonly collector = new RecordCollector();
  readonly stores: ReadonlyMap<string, StateStore>;
  readonly cachesUpdates: boolean;
  readonly punctuations = new Punctuations();
  streamTimeMs = -1;
  readonly #options: ProcessorTopologyOptions;
  readonly #operators: Operator[] = [];
  readonly #sources = new Map<string, SourceOperator>();
  readonly #storeList: readonly StateStore[];
  readonly #holders = new Set<UpdateHolder>();
  #heldCount = 0;
  #input: InputRecords | undefined;
  #index = 0;

  constructor(options: ProcessorTopologyOptions) {
    const { subTopology, partition, clock, signal } = options;
    this.#options = options;
    this.partition = partition;
    this.context = new TaskContext(partition, clock, signal);
    this.cachesUpdates = options.heldUpdatesMax > 0;
    this.stores = new Map(subTopology.stores.map((store) => [store.name, store.create()]));
    this.#storeList = [...this.stores.values()];
  }

  /** Makes the operators. To be called once the stores are restored. */
  open(): void {
    this.streamTimeMs = Math.max(-1, ...this.#storeList.map(({ streamTimeMs }) => streamTimeMs));
    const operators = new Map<GraphNode, Operator>();
    for (const node of this.#options.subTopology.nodes) {
      const operator = node.create(this);
      operators.set(node, operator);
      this.#operators.push(operator);
      if (operator instanceof SourceOperator) this.#sources.set(node.topic!, operator);
    }
    for (const [node, operator] of operators) {
      operator.children = node.children.map((child) => operators.get(child)!);
    }
  }

  close(): void {
    for (const operator of this.#operators) operator.close();
  }

  source(topic: string): SourceOperator {
    const source = this.#sources.get(topic);
    assert(source !== undefined, `no source reads ${topic}`);
    return source;
  }

  store<Store extends StateStore>(name: string): Store {
    const store = this.stores.get(name);
    assert(store !== undefined, `store ${name} belongs to another sub-topology`);
    return store as Store;
  }

  partitionsOf(topic: string): number {
    return this.#options.partitionsOf(topic);
  }

  droppedCounter(operator: string, reason: DropReason): Counter {
    return this.#options.droppedCounter(operator, reason);
  }

  /** Counts whatever was written to stores and topics: unchanged means that nothing has happened. */
  get writes(): number {
    let writes = this.collector.writes;
    for (const store of this.#storeList) writes += store.writes;
    return writes;
  }

  /** About how much the next commit would write. */
  get pendingBytes(): number {
    let bytes = this.collector.bytes;
    for (const store of this.#storeList) bytes += store.dirtyCount * DIRTY_ROW_BYTES;
    return bytes;
  }

  /** Decodes the record at `index`; undefined when the topology has no use for it or it was dead-lettered. */
  decode(source: SourceOperator, input: InputRecords, index: number): StreamRecord | undefined {
    this.#input = input;
    this.#index = index;
    this.context.topic = source.topic;
    this.context.offset = input.offset(index);
    try {
      return source.decode(input, index);
    } catch (error) {
      this.onFailure({ operator: source.name, record: undefined, error });
      return undefined;
    }
  }

  /** Takes a decoded record through the operators. `input` and `index` are where it came from. */
  // oxlint-disable-next-line max-params -- called once a record: positional, so that no object is made
  process(source: SourceOperator, record: StreamRecord, input: InputRecords, index: number): Pending {
    this.#input = input;
    this.#index = index;
    const { context } = this;
    context.topic = source.topic;
    context.offset = input.offset(index);
    context.timestampMs = record.timestampMs;
    context.headers = record.headers;
    if (record.timestampMs > this.streamTimeMs) this.streamTimeMs = record.timestampMs;
    let pending: Pending;
    try {
      pending = source.process(record);
    } catch (error) {
      this.onFailure({ operator: source.name, record, error });
    }
    if (this.streamTimeMs < this.punctuations.streamTimeDueMs) return pending;
    return pending === undefined ? this.#punctuate() : pending.then(() => this.#punctuate());
  }

  #punctuate(): Pending {
    return this.punctuations.run('stream-time', this.streamTimeMs);
  }

  punctuateWallClock(nowMs: number): Pending {
    return this.punctuations.run('wall-clock', nowMs);
  }

  schedule(request: PunctuationRequest): () => void {
    if (!(request.intervalMs > 0)) {
      throw fail('STREAMS_BAD_OPTION', {
        message: `Operator '${request.operator.name}': a punctuator's interval must be above 0.`,
      });
    }
    const nowMs = request.type === 'stream-time' ? this.streamTimeMs : this.context.nowMs();
    return this.punctuations.add(request, nowMs);
  }

  holdUpdates(holder: UpdateHolder): void {
    this.#holders.add(holder);
    this.#heldCount++;
  }

  get hasHeldUpdates(): boolean {
    return this.#holders.size > 0;
  }

  /** True when the held updates should not wait for the commit. */
  get holdsTooMuch(): boolean {
    return this.#heldCount > this.#options.heldUpdatesMax;
  }

  /** Forwards what stateful operators hold; those further down may hold it again and are asked in turn. */
  flushUpdates(): Pending {
    // A set is iterated in the order of insertion, what is added on the way included.
    for (const holder of this.#holders) {
      this.#holders.delete(holder);
      const pending = holder.flushUpdates();
      if (pending !== undefined) return pending.then(() => this.flushUpdates());
    }
    this.#heldCount = 0;
    return undefined;
  }

  onFailure(failure: OperatorFailure): void {
    const { error } = failure;
    if (error instanceof BugError) throw error;
    if (isMillraceError(error) && (error.kind === 'aborted' || error.code === 'STREAMS_USER_FUNCTION_FAILED'))
      throw error;
    const response = this.#responseTo(failure);
    this.#options.onFailure(failure, response);
    if (response === 'fail') throw this.#stop(failure);
    if (response === 'dead-letter') this.#deadLetter(failure);
  }

  #responseTo({ operator, record, error }: OperatorFailure): 'dead-letter' | 'skip' | 'fail' {
    const { onError = 'dead-letter' } = this.#options.topology.options;
    if (typeof onError !== 'function') return onError;
    const { topic, partition, offset } = this.context;
    return onError({ operator, error, topic, partition, offset, key: record?.key, value: record?.value });
  }

  #deadLetter({ operator, error, isPunctuation = false }: OperatorFailure): void {
    const input = this.#input;
    // A punctuator that fails does so for no record in particular.
    if (input === undefined || isPunctuation) return;
    const { topic, partition } = this.context;
    const origin = {
      application: this.#options.topology.applicationId,
      operator,
      topic,
      partition,
      nowMs: this.context.nowMs(),
    };
    const headers = deadLetterHeaders(error, origin, { input, index: this.#index });
    const target = this.partition % this.partitionsOf(DEAD_LETTERS_TOPIC);
    const key = input.keyBytes(this.#index);
    this.collector.add(DEAD_LETTERS_TOPIC, target, key, input.valueBytes(this.#index), headers);
  }

  #stop({ operator, error }: OperatorFailure): Error {
    const { applicationId } = this.#options.topology;
    const { topic, partition, offset } = this.context;
    const place = `${topic}-${partition} offset ${offset}`;
    return fail('STREAMS_USER_FUNCTION_FAILED', {
      message: `Topology '${applicationId}', operator '${operator}', ${place}: ${messageOf(error)}`,
      details: { application: applicationId, operator, topic, partition, offset },
      cause: error,
    });
  }
}

/** A guess of what one changed row adds to a commit: key, value, framing. */
const DIRTY_ROW_BYTES = 64;
