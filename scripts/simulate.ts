/** `npm run simulate -- NAME --seeds N`: many random lives and deaths of a part on simulated machines. */
import { simulateLog } from './simulate/log.ts';
import { runTrials, type TrialCommand } from './trials/command.ts';

const command: TrialCommand = {
  name: 'simulate',
  count: { option: 'seeds', fallback: 1_000 },
  subjects: {
    log: {
      about:
        'Runs the event log through N seeds of crashes, full disks and failing syncs on a simulated disk; nothing\n' +
        'acknowledged may be lost, nothing may be there in part. A seed that fails is printed and run again.',
      run: ({ count, seed, log }) => simulateLog({ seeds: count, first: seed, log }),
    },
  },
};
process.exitCode = await runTrials(command, process.argv.slice(2), console.log);
