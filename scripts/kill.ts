/** `npm run kill -- NAME --times N`: kills the real process under load, starts it again, and reconciles. */
import { parseArgs } from 'node:util';
import { killPipeline } from './kill/pipeline.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || positionals[0] !== 'pipeline') {
  console.log(
    'npm run kill -- pipeline --times N [--seed S]\n\nKills the server N times under load; every answered event must be there exactly once.',
  );
  process.exit(values.help ? 0 : 1);
}
const result = await killPipeline({
  times: Number(values.times),
  seed: Number(values.seed),
  log: console.log,
});
console.log(`${result.passed} passed, ${result.failed} failed`);
process.exitCode = result.failed === 0 ? 0 : 1;
