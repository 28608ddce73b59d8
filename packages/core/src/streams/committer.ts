import { isMillraceError, messageOf, sleep, type Clock, type Logger } from '../base/index.ts';
import type { EventLog } from '../log/index.ts';
import type { StreamsMetrics } from './streams-metrics.ts';
import type { StreamTask } from './stream-task.ts';
import { ApplicationCommit } from './application-commit.ts';

export interface CommitterOptions {
  readonly application: string;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: StreamsMetrics;
  readonly tasks: () => Iterable<StreamTask>;
  /** After a commit: where each changelog partition ends now, by topic and partition. */
  readonly onCommitted: (
    commit: ApplicationCommit,
    changelogEnds: ReadonlyMap<string, readonly number[]>,
  ) => void;
  readonly onFailure: (error: unknown) => void;
}

const RETRY_MS_MIN = 10;
const RETRY_MS_MAX = 1000;

/**
 * Commits the tasks of a sub-topology together: outputs, changelogs and input offsets in one `log.commit`.
 * One commit is under way at a time, and processing goes on meanwhile; a commit that the log could not take
 * is tried again as it is.
 */
export class Committer {
  readonly #options: CommitterOptions;
  #cancelTimer: (() => void) | undefined;
  #dueMs = Infinity;
  #underWay: Promise<void> | undefined;
  #requestedIntervalMs = Infinity;
  #lastBeganMs = -Infinity;
  #isStopped = false;
  /** Why a commit was given up: nothing may be committed after what it held. */
  #givenUp: { readonly error: unknown } | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /**
   * Asks for a commit: at once, but no sooner than `intervalMs` after the beginning of the last one, and not
   * while one is under way.
   */
  request(intervalMs: number): void {
    if (this.#isStopped) return;
    if (this.#underWay !== undefined) {
      this.#requestedIntervalMs = Math.min(this.#requestedIntervalMs, intervalMs);
      return;
    }
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const dueMs = Math.max(nowMs, this.#lastBeganMs + intervalMs);
    if (dueMs >= this.#dueMs) return;
    this.#cancelTimer?.();
    this.#dueMs = dueMs;
    this.#cancelTimer = clock.schedule(() => this.#begin(), dueMs - nowMs);
  }

  /** Commits what can be committed now, after the commit that is under way; rejects as the log does. */
  async finish(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#underWay;
    if (this.#givenUp !== undefined) throw this.#givenUp.error;
    const commit = this.#capture();
    if (commit !== undefined) await this.#store(commit);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #begin(): void {
    this.#dueMs = Infinity;
    this.#cancelTimer = undefined;
    this.#lastBeganMs = this.#options.clock.monotonicMs();
    let commit: ApplicationCommit | undefined;
    try {
      commit = this.#capture();
    } catch (error) {
      this.#isStopped = true;
      this.#givenUp = { error };
      this.#options.onFailure(error);
      return;
    }
    if (commit === undefined) return;
    this.#underWay = this.#store(commit).then(
      () => this.#end(),
      (error: unknown) => {
        this.#underWay = undefined;
        this.#isStopped = true;
        this.#givenUp = { error };
        this.#options.onFailure(error);
      },
    );
  }

  #end(): void {
    this.#underWay = undefined;
    if (this.#requestedIntervalMs === Infinity) return;
    const intervalMs = this.#requestedIntervalMs;
    this.#requestedIntervalMs = Infinity;
    this.request(intervalMs);
  }

  #capture(): ApplicationCommit | undefined {
    const captured = [];
    for (const task of this.#options.tasks()) {
      if ((task.hasWritten || task.hasProgressed) && task.prepareCommit()) captured.push(task.capture());
    }
    const isNews = captured.some(({ offsets, written }) => offsets.length > 0 || written.length > 0);
    return isNews ? new ApplicationCommit(captured) : undefined;
  }

  async #store(commit: ApplicationCommit): Promise<void> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    const changelogEnds = await this.#append(commit);
    metrics.commits.observe(clock.monotonicMs() - startMs);
    for (const taskCommit of commit.tasks) taskCommit.task.confirm(taskCommit);
    this.#observeLatency(commit);
    this.#options.onCommitted(commit, changelogEnds);
  }

  async #append(commit: ApplicationCommit): Promise<ReadonlyMap<string, readonly number[]>> {
    const { application, log, clock, logger } = this.#options;
    const { offsets } = commit;
    for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      const appends = commit.appends();
      try {
        return ApplicationCommit.endOffsets(appends, await log.commit({ appends, offsets }));
      } catch (error) {
        if (!isMillraceError(error) || error.kind !== 'transient' || this.#isStopped) throw error;
        logger.warn('streams: the log did not take a commit; trying again', {
          application,
          code: error.code,
          message: messageOf(error),
        });
        await sleep(clock, error.retryAfterMs ?? retryMs);
      }
    }
  }

  #observeLatency({ tasks }: ApplicationCommit): void {
    const { clock, metrics } = this.#options;
    const nowMs = clock.nowMs();
    for (const { results } of tasks) {
      for (const { createdAtMs, count } of results) {
        metrics.resultLatency.observe(Math.max(0, nowMs - createdAtMs), count);
      }
    }
  }
}
