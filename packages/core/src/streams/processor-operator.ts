import type { RecordHeader } from '../log/index.ts';
import { fail } from './errors.ts';
import { KeyValueStoreView, type KeyValueStateStore, type KeyValueStore } from './key-value-store.ts';
import { Operator, type PunctuationType, type TaskScope } from './operator.ts';
import type { FixedKeyProcessorContext, Processor, ProcessorContext, StoreHandle } from './processor.ts';
import { isThenable, noHeaders, StreamRecord, type Pending } from './stream-record.ts';

export interface ProcessorOperatorOptions {
  readonly storeNames: readonly string[];
  readonly createProcessor: (operator: ProcessorOperator) => Processor<unknown, unknown>;
}

/**
 * Runs a user's processor. Forwards that have to be awaited are queued, in order, until the processor
 * returns.
 */
export class ProcessorOperator extends Operator {
  readonly #options: ProcessorOperatorOptions;
  readonly #processor: Processor<unknown, unknown>;
  #pending: Pending = undefined;
  #record: StreamRecord | undefined;
  #timestampMs = 0;
  #headers: readonly RecordHeader[] = noHeaders;

  constructor(name: string, scope: TaskScope, options: ProcessorOperatorOptions) {
    super(name, scope);
    this.#options = options;
    this.#processor = options.createProcessor(this);
  }

  process(record: StreamRecord): Pending {
    this.#record = record;
    this.#timestampMs = record.timestampMs;
    this.#headers = record.headers;
    try {
      const result = this.#processor.process(record);
      if (isThenable(result)) return this.#finish(record, result);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error });
    }
    return this.#takePending();
  }

  override close(): void {
    this.#processor.close?.();
  }

  get currentKey(): unknown {
    if (this.#record !== undefined) return this.#record.key;
    throw fail('STREAMS_BAD_OPTION', {
      message: `Operator '${this.name}': a punctuator has no key to keep; use process, not processValues.`,
    });
  }

  emit(key: unknown, value: unknown, timestampMs = this.#timestampMs): void {
    const record = new StreamRecord(key, value, timestampMs, this.#headers);
    const before = this.#pending;
    this.#pending = before === undefined ? this.forward(record) : before.then(() => this.forward(record));
  }

  openStore<K, V>({ name }: StoreHandle<K, V>): KeyValueStore<K, V> {
    if (!this.#options.storeNames.includes(name)) {
      throw fail('STREAMS_BAD_OPTION', {
        message: `Operator '${this.name}' opens store '${name}': list it in the operator's \`stores\`.`,
        details: { operator: this.name, store: name },
      });
    }
    return new KeyValueStoreView<K, V>(this.scope.store<KeyValueStateStore>(name), () => this.#timestampMs);
  }

  schedule(
    intervalMs: number,
    type: PunctuationType,
    punctuate: (timestampMs: number) => void | Promise<void>,
  ): () => void {
    return this.scope.schedule({
      operator: this,
      type,
      intervalMs,
      punctuate: (timestampMs) => this.#punctuate(timestampMs, punctuate),
    });
  }

  #punctuate(timestampMs: number, punctuate: (timestampMs: number) => void | Promise<void>): Pending {
    this.#record = undefined;
    this.#timestampMs = timestampMs;
    this.#headers = noHeaders;
    try {
      const result = punctuate(timestampMs);
      if (isThenable(result)) return this.#finish(undefined, result);
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record: undefined, error, isPunctuation: true });
    }
    return this.#takePending();
  }

  #takePending(): Pending {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  async #finish(record: StreamRecord | undefined, result: PromiseLike<unknown>): Promise<void> {
    try {
      await result;
    } catch (error) {
      this.scope.onFailure({ operator: this.name, record, error, isPunctuation: record === undefined });
    }
    await this.#takePending();
  }
}

/** The context that a `process` supplier gets. */
export function processorContext(operator: ProcessorOperator): ProcessorContext<unknown, unknown> {
  return Object.assign(Object.create(operator.scope.context) as ProcessorContext<unknown, unknown>, {
    forward: (key: unknown, value: unknown, timestampMs?: number) => operator.emit(key, value, timestampMs),
    store: <K, V>(handle: StoreHandle<K, V>) => operator.openStore(handle),
    schedule: operator.schedule.bind(operator),
  });
}

/** The context that a `processValues` supplier gets. */
export function fixedKeyProcessorContext(
  operator: ProcessorOperator,
): FixedKeyProcessorContext<unknown, unknown> {
  return Object.assign(Object.create(operator.scope.context) as FixedKeyProcessorContext<unknown, unknown>, {
    forward: (value: unknown, timestampMs?: number) => operator.emit(operator.currentKey, value, timestampMs),
    store: <K, V>(handle: StoreHandle<K, V>) => operator.openStore(handle),
    schedule: operator.schedule.bind(operator),
  });
}
