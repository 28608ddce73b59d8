import type { VirtualClock } from '../clock/index.ts';

/** Waits for `work` while timers that are due fire; time does not pass. */
export async function drive<Result>(clock: VirtualClock, work: Promise<Result>): Promise<Result> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  while (!isDone) await clock.advance(0);
  return work;
}
