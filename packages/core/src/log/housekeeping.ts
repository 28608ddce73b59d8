import { type Clock, isMillraceError, type Logger, messageOf } from '../base/index.ts';
import { type CommitRequest, emptyRequest } from './commit-group.ts';
import type { IndexStore } from './index-store.ts';
import type { LogFigures } from './log-figures.ts';
import type { LogState } from './log-state.ts';
import { retainedFrom } from './retention.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { Segment } from './segment.ts';

export interface HousekeepingOptions {
  readonly state: LogState;
  readonly segmentFiles: SegmentFiles;
  readonly indexes: IndexStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly figures: LogFigures;
  readonly submit: (request: CommitRequest) => Promise<unknown>;
}

/** What an open log does by itself from time to time: retention, and whatever it is told to repeat. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #cancels = new Set<() => void>();
  #removals: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Runs again and again; a run that fails is tried again at the next time. */
  repeat(intervalMs: number, run: () => unknown): void {
    const { clock, logger } = this.#options;
    const tick = async () => {
      try {
        await run();
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        logger.warn(`The log could not do its housekeeping: ${error.message}`);
      }
      schedule();
    };
    const schedule = () => {
      if (this.#isStopped) return;
      const cancel = clock.schedule(() => {
        this.#cancels.delete(cancel);
        void tick();
      }, intervalMs);
      this.#cancels.add(cancel);
    };
    schedule();
  }

  /** Raises the first offsets of partitions whose records have become too old or too many. */
  async applyRetention(): Promise<void> {
    const { state, clock, submit } = this.#options;
    const starts: CommitRequest['starts'][number][] = [];
    for (const { description, partitions } of state.topics()) {
      for (const partition of partitions) {
        const offset = retainedFrom(partition, description, clock.nowMs());
        if (offset !== undefined) starts.push({ partition, offset });
      }
    }
    if (starts.length > 0) await submit({ ...emptyRequest, starts });
  }

  /** Deletes the files of segments that no longer belong to the log, in the background. */
  remove(segments: readonly Segment[]): void {
    if (segments.length === 0) return;
    const { segmentFiles, indexes, figures, logger } = this.#options;
    const remove = async () => {
      for (const segment of segments) {
        indexes.forget(segment);
        await segmentFiles.remove(segment.logPath);
        await segmentFiles.remove(segment.indexPath);
        figures.removedSegments.add(1);
      }
    };
    this.#removals = this.#removals.then(remove).catch((error: unknown) => {
      // The next start removes what does not belong to the log any more.
      logger.warn('Segments that are not needed could not be removed', { cause: messageOf(error) });
    });
  }

  /** Resolves when the files of all removed segments are gone. */
  async removed(): Promise<void> {
    await this.#removals;
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
