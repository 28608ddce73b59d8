import type { Clock } from '../base/index.ts';
import type { Application } from './application.ts';

/** One turn of the event loop belongs to the topologies for this long at most. */
const TURN_MS = 8;
const RECORDS_PER_RUN = 64;

/**
 * Runs the tasks of all topologies in turn, a few records each, and leaves the event loop to others in
 * between.
 */
export class TaskScheduler {
  readonly #clock: Clock;
  readonly #applications: readonly Application[];
  #cancelTurn: (() => void) | undefined;
  #isStopped = false;
  /** Rotates, so that no task is always the first. */
  #first = 0;

  constructor(clock: Clock, applications: readonly Application[]) {
    this.#clock = clock;
    this.#applications = applications;
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#cancelTurn !== undefined || this.#isStopped) return;
    this.#cancelTurn = this.#clock.schedule(() => {
      this.#cancelTurn = undefined;
      this.#turn();
    }, 0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTurn?.();
  }

  #turn(): void {
    const tasks = this.#applications.flatMap((application) => {
      return Array.from(application.tasks(), (task) => ({ application, task }));
    });
    if (tasks.length === 0) return;
    let nowMs = this.#clock.monotonicMs();
    const endMs = nowMs + TURN_MS;
    let idle = 0;
    for (let i = this.#first; idle < tasks.length; i++) {
      const { application, task } = tasks[i % tasks.length]!;
      const count = application.run(task, RECORDS_PER_RUN);
      idle = count === 0 ? idle + 1 : 0;
      if (count === 0) continue;
      const beforeMs = nowMs;
      nowMs = this.#clock.monotonicMs();
      application.metrics.records.add(count);
      application.metrics.process.observe((nowMs - beforeMs) / count, count);
      if (nowMs < endMs) continue;
      this.#first = (i + 1) % tasks.length;
      this.wake();
      return;
    }
  }
}
