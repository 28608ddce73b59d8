import { RecordBatchBuilder, type Append } from '../log/index.ts';

/**
 * A batch goes on in a further one of the same partition beyond this: Kafka's brokers take 1 MiB by default.
 */
const BATCH_BYTES_MAX = 1_000_000;
const RECORD_OVERHEAD = 24;

/** The batches of one commit. */
export class AppendList {
  readonly appends: Append[] = [];
  readonly #createdAtMs: number;

  constructor(createdAtMs: number) {
    this.#createdAtMs = createdAtMs;
  }

  /** A partition of a topic, for about `records` records of `bytes` in all. */
  partition(
    topic: string,
    partition: number,
    expected: { records: number; bytes: number },
  ): PartitionAppends {
    const bytesHint = Math.min(BATCH_BYTES_MAX, expected.bytes + expected.records * RECORD_OVERHEAD);
    return new PartitionAppends((previous) => {
      const batch = new RecordBatchBuilder({
        createdAtMs: this.#createdAtMs,
        bytesHint: previous === undefined ? bytesHint : BATCH_BYTES_MAX,
      });
      this.appends.push({ topic, partition, batch });
      return batch;
    });
  }
}

/** The batch of one partition; a further one when it is full. */
export class PartitionAppends {
  readonly #begin: (previous: RecordBatchBuilder | undefined) => RecordBatchBuilder;
  #batch: RecordBatchBuilder | undefined;

  constructor(begin: (previous: RecordBatchBuilder | undefined) => RecordBatchBuilder) {
    this.#begin = begin;
  }

  /** Where a record of about `bytes` goes. */
  batch(bytes: number): RecordBatchBuilder {
    const batch = this.#batch;
    if (batch !== undefined && (batch.count === 0 || batch.byteLength + bytes <= BATCH_BYTES_MAX))
      return batch;
    this.#batch = this.#begin(batch);
    return this.#batch;
  }
}
