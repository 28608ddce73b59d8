import type { PunctuationRequest, PunctuationType } from './operator.ts';
import type { Pending } from './stream-record.ts';

interface Schedule {
  readonly request: PunctuationRequest;
  /** The next multiple of the interval; NaN until time is known. */
  dueMs: number;
}

/**
 * The punctuators of one task. Each is called when its time passes a multiple of its interval, once per pass.
 */
export class Punctuations {
  readonly #schedules: Schedule[] = [];
  /** Earliest stream time that something waits for; Infinity when nothing does. */
  streamTimeDueMs = Infinity;

  get isEmpty(): boolean {
    return this.#schedules.length === 0;
  }

  add(request: PunctuationRequest, currentTimeMs: number): () => void {
    const dueMs = currentTimeMs < 0 ? NaN : nextMultiple(currentTimeMs, request.intervalMs);
    const schedule: Schedule = { request, dueMs };
    this.#schedules.push(schedule);
    this.#plan();
    return () => {
      const index = this.#schedules.indexOf(schedule);
      if (index >= 0) this.#schedules.splice(index, 1);
      this.#plan();
    };
  }

  /** Calls the punctuators of this type that are due. */
  run(type: PunctuationType, nowMs: number): Pending {
    const due: Schedule[] = [];
    for (const schedule of this.#schedules) {
      if (schedule.request.type !== type || schedule.dueMs > nowMs) continue;
      // Time was unknown so far: begin with it.
      if (!Number.isNaN(schedule.dueMs)) due.push(schedule);
      schedule.dueMs = nextMultiple(nowMs, schedule.request.intervalMs);
    }
    this.#plan();
    return callFrom(due, 0, nowMs);
  }

  #plan(): void {
    this.streamTimeDueMs = Infinity;
    for (const { request, dueMs } of this.#schedules) {
      if (request.type !== 'stream-time') continue;
      this.streamTimeDueMs = Math.min(this.streamTimeDueMs, Number.isNaN(dueMs) ? -1 : dueMs);
    }
  }
}

function callFrom(due: readonly Schedule[], first: number, nowMs: number): Pending {
  for (let i = first; i < due.length; i++) {
    const pending = due[i]!.request.punctuate(nowMs);
    if (pending !== undefined) return pending.then(() => callFrom(due, i + 1, nowMs));
  }
  return undefined;
}

function nextMultiple(timeMs: number, intervalMs: number): number {
  return (Math.floor(timeMs / intervalMs) + 1) * intervalMs;
}
