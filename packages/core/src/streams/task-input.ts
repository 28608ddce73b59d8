import { isMillraceError, type Logger } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import type { InputBatch } from './input-batch.ts';
import type { InputReader, ReaderPosition } from './input-reader.ts';
import type { SourceOperator } from './source-operators.ts';
import type { StreamRecord } from './stream-record.ts';

const BUFFER_BYTES_MAX = 512 * 1024;

export interface TaskInputOptions {
  readonly source: SourceOperator;
  readonly partition: number;
  /** Offset of the first record to process. */
  readonly position: number;
  readonly log: EventLog;
  readonly reader: InputReader;
  readonly logger: Logger;
}

/** What one task reads from one partition: buffered batches, and how far it has come. */
export class TaskInput implements ReaderPosition {
  readonly topic: string;
  readonly partition: number;
  readonly source: SourceOperator;
  /** Offset of the first record that is not processed yet. */
  position: number;
  committedPosition: number;
  fetchOffset: number;
  /** The record at the head, decoded but not processed yet. */
  head: StreamRecord | undefined;
  /** Place of the head in the first batch. */
  index = 0;
  readonly #batches: InputBatch[] = [];
  readonly #options: TaskInputOptions;
  #bufferedBytes = 0;
  #isFetching = false;
  #mayHaveMore = true;
  #isClosed = false;

  constructor(options: TaskInputOptions) {
    this.#options = options;
    this.source = options.source;
    this.topic = options.source.topic;
    this.partition = options.partition;
    this.position = options.position;
    this.committedPosition = options.position;
    this.fetchOffset = options.position;
    options.reader.register(this);
  }

  close(): void {
    this.#isClosed = true;
    this.#options.reader.unregister(this);
  }

  /** The batch that the head lies in; undefined when nothing is buffered. */
  get batch(): InputBatch | undefined {
    return this.#batches[0];
  }

  /** True when the log has no further records, as far as is known. */
  get isAtEnd(): boolean {
    return this.#batches.length === 0 && !this.#isFetching && !this.#mayHaveMore;
  }

  get wantsFetch(): boolean {
    return !this.#isFetching && this.#mayHaveMore && this.#bufferedBytes < BUFFER_BYTES_MAX;
  }

  /** The log has new records of the topic. */
  noticeAppend(): void {
    this.#mayHaveMore = true;
  }

  /** Reads ahead; true when something came. */
  async fetch(): Promise<boolean> {
    this.#isFetching = true;
    this.#mayHaveMore = false;
    try {
      const batches = await this.#options.reader.read(this);
      if (this.#isClosed) return false;
      for (const batch of batches) this.#buffer(batch);
      // A short read may have ended at the reader's limit: only an empty one says that there is no more.
      if (batches.length > 0) this.#mayHaveMore = true;
      return batches.length > 0;
    } catch (error) {
      if (!isMillraceError(error) || error.code !== 'LOG_OFFSET_OUT_OF_RANGE') throw error;
      this.#skipDeleted();
      return true;
    } finally {
      this.#isFetching = false;
    }
  }

  #buffer(batch: InputBatch): void {
    if (batch.batch.lastOffset < this.fetchOffset) return;
    if (this.#batches.length === 0) this.index = batch.indexOf(this.fetchOffset);
    this.#batches.push(batch);
    this.#bufferedBytes += batch.batch.bytes.length;
    this.fetchOffset = batch.batch.lastOffset + 1;
    this.#dropFinished();
  }

  /** Retention was faster than the topology. */
  #skipDeleted(): void {
    const { startOffset, endOffset } = this.#options.log.range(this.topic, this.partition);
    const next = this.fetchOffset < startOffset ? startOffset : endOffset;
    this.#options.logger.error('streams: records were deleted before they were processed', {
      topic: this.topic,
      partition: this.partition,
      fromOffset: this.fetchOffset,
      toOffset: next,
    });
    this.fetchOffset = next;
    if (this.#batches.length === 0) this.position = next;
    this.#mayHaveMore = true;
  }

  /** The head is processed. */
  advance(): void {
    this.head = undefined;
    this.index++;
    this.#dropFinished();
  }

  #dropFinished(): void {
    const batch = this.#batches[0];
    if (batch === undefined) return;
    if (this.index < batch.count) {
      this.position = batch.offset(this.index);
      return;
    }
    this.position = batch.batch.lastOffset + 1;
    this.#batches.shift();
    this.#bufferedBytes -= batch.batch.bytes.length;
    this.index = 0;
    const next = this.#batches[0];
    if (next !== undefined && next.count === 0) this.#dropFinished();
  }
}
