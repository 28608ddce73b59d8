import type { VirtualClock } from '../clock/index.ts';

/** Waits for `work` while timers that are due fire; time does not pass. */
export async function drive<Result>(clock: VirtualClock, work: Promise<Result>): Promise<Result> {
  const progress = { isDone: false };
  void Promise.allSettled([work]).then(() => {
    progress.isDone = true;
  });
  while (!progress.isDone) await clock.advance(0);
  return work;
}
