import { messageOf } from '@millrace/core/base';
import { simulateLogCrashes, type SimulationReport } from '@millrace/testkit/log';
import type { TrialResult } from '../trials/command.ts';

export interface SimulateOptions {
  readonly seeds: number;
  readonly first: number;
  readonly log: (line: string) => void;
  /** Runs one seed; throws when the log broke a promise. Default: the crash simulation. */
  readonly simulate?: (seed: number) => Promise<SimulationReport>;
}

const PROGRESS_SEEDS = 500;

/** Runs the seeds from `first` on, one after the other. One that fails is run again, the others go on. */
export async function simulateLog(options: SimulateOptions): Promise<TrialResult> {
  const { seeds, first, log, simulate = simulateLogCrashes } = options;
  let failed = 0;
  let crashes = 0;
  let acknowledged = 0;
  let compacted = 0;
  log(`seeds ${first} to ${first + seeds - 1}`);
  for (let done = 1; done <= seeds; done++) {
    const seed = first + done - 1;
    try {
      const report = await simulate(seed);
      crashes += report.crashes;
      acknowledged += report.acknowledged;
      compacted += report.compacted;
    } catch (error) {
      failed++;
      log(`seed ${seed} failed: ${messageOf(error)}`);
      log(`  run again: ${await replay(seed, simulate)}`);
      log(`  npm run simulate -- log --seeds 1 --seed ${seed}`);
    }
    if (done % PROGRESS_SEEDS === 0 || done === seeds)
      log(
        `${done} seeds, ${crashes} crashes, ${acknowledged} acknowledged commits, ` +
          `${compacted} compacted segments, ${failed} failed`,
      );
  }
  return { passed: seeds - failed, failed };
}

async function replay(seed: number, simulate: (seed: number) => Promise<SimulationReport>): Promise<string> {
  try {
    await simulate(seed);
    return 'passed, so the simulation is not repeatable';
  } catch (error) {
    return error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error);
  }
}
