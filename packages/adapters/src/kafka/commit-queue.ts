import { type Clock, isMillraceError } from '@millrace/core/base';
import { type CommitReceipt, type GroupOffset, logError, type LogFigures } from '@millrace/core/log';
import { kafkaError } from './errors.ts';
import type { FoundRange } from './ranges.ts';
import type { QueuedBatch, StoredBatch, StoreResult, TransactionWriter } from './transaction-writer.ts';

export interface QueuedCommit {
  readonly batches: readonly QueuedBatch[];
  readonly offsets: readonly GroupOffset[];
  readonly bytes: number;
}

interface Waiting {
  readonly commit: QueuedCommit;
  readonly resolve: (receipt: CommitReceipt) => void;
  readonly reject: (error: unknown) => void;
  readonly startMs: number;
}

export interface CommitQueueOptions {
  readonly writer: TransactionWriter;
  readonly inFlightBytesMax: number;
  readonly transactionBytesMax: number;
  readonly clock: Clock;
  readonly figures: LogFigures;
  /** Called when a transaction can be read, before its commits are answered. */
  readonly onVisible: (commits: readonly QueuedCommit[], ends: readonly FoundRange[]) => void;
  /** Called once, when no commit will be taken any more. */
  readonly onFailure: (error: Error) => void;
}

const RETRY_MS = 100;

/** Commits that wait, in the order of the calls; those that wait together share a transaction. */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #failure: Error | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  /** Throws unless a commit of this size may wait. */
  checkRoom(bytes: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { inFlightBytesMax } = this.#options;
    if (this.#bytes + bytes <= inFlightBytesMax || this.#bytes === 0) return;
    throw logError('LOG_BACKPRESSURE', {
      retryAfterMs: RETRY_MS,
      details: { bytes, queuedBytes: this.#bytes, inFlightBytesMax },
    });
  }

  add(commit: QueuedCommit): Promise<CommitReceipt> {
    this.#bytes += commit.bytes;
    this.#options.figures.queuedBytes.set(this.#bytes);
    const startMs = this.#options.clock.monotonicMs();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject, startMs });
    });
  }

  /** Stores what waits, as much of it as one transaction takes. */
  async storeNext(): Promise<void> {
    const group: Waiting[] = [];
    let bytes = 0;
    while (this.#waiting.length > 0) {
      const [next] = this.#waiting;
      if (group.length > 0 && bytes + next!.commit.bytes > this.#options.transactionBytesMax) break;
      bytes += next!.commit.bytes;
      group.push(this.#waiting.shift()!);
    }
    await this.#store(group);
  }

  async #store(group: readonly Waiting[]): Promise<void> {
    const commits = group.map(({ commit }) => commit);
    const result = await this.#write(commits).catch((error: unknown) => ({ error }));
    if (!('error' in result)) {
      this.#release(commits);
      this.#observe(group);
      this.#options.onVisible(commits, result.ends);
      this.#answer(group, result.stored);
      return;
    }
    const { error } = result;
    // One that is refused must not take the others with it.
    if (group.length > 1 && isMillraceError(error) && error.code === 'KAFKA_REFUSED') {
      for (const each of group) await this.#store([each]);
      return;
    }
    this.#release(commits);
    this.#note(error);
    for (const { reject } of group) reject(error);
  }

  async #write(commits: readonly QueuedCommit[]): Promise<StoreResult> {
    if (this.#failure !== undefined) throw this.#failure;
    return await this.#options.writer.store({
      batches: commits.flatMap(({ batches }) => batches),
      offsets: commits.flatMap(({ offsets }) => offsets),
    });
  }

  #release(commits: readonly QueuedCommit[]): void {
    for (const { bytes } of commits) this.#bytes -= bytes;
    this.#options.figures.queuedBytes.set(this.#bytes);
  }

  #answer(group: readonly Waiting[], stored: readonly StoredBatch[]): void {
    let next = 0;
    for (const { commit, resolve } of group) {
      const own = stored.slice(next, (next += commit.batches.length));
      const times = own.map(({ appendedAtMs }) => appendedAtMs).filter((timeMs) => timeMs >= 0);
      resolve({
        baseOffsets: own.map(({ baseOffset }) => baseOffset),
        appendedAtMs: times.length === 0 ? this.#options.clock.nowMs() : Math.max(...times),
      });
    }
  }

  #observe(group: readonly Waiting[]): void {
    const { figures, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    figures.groupCommits.observe(group.length);
    for (const { commit, startMs } of group) {
      figures.commitDuration.observe(nowMs - startMs);
      figures.bytes.add(commit.bytes);
      for (const { count, bytes } of commit.batches) {
        figures.records.add(count);
        figures.batchBytes.observe(bytes.length);
      }
    }
  }

  /** What leaves the state of the log open, or in other hands, ends it. */
  #note(error: unknown): void {
    if (this.#failure !== undefined) return;
    if (isMillraceError(error) && error.kind !== 'fatal' && error.kind !== 'fenced') return;
    this.#failure = isMillraceError(error) ? error : kafkaError('KAFKA_OUTCOME_UNKNOWN', { cause: error });
    this.#options.onFailure(this.#failure);
  }
}
