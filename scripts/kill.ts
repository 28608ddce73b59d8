/** `npm run kill -- NAME --times N`: kills the real process under load, starts it again, and reconciles. */
import { parseArgs } from 'node:util';
import { killPipeline } from './kill/pipeline.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    brokers: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || positionals[0] !== 'pipeline') {
  console.log(
    'npm run kill -- pipeline --times N [--seed S] [--brokers HOST:PORT,…]\n\n' +
      'Kills the server N times under load; every answered event must be there exactly once. With --brokers the\n' +
      'log is on that Kafka, which must hold no events of the storefront.',
  );
  process.exit(values.help ? 0 : 1);
}
const result = await killPipeline({
  times: Number(values.times),
  seed: Number(values.seed),
  log: console.log,
  serverArgs: values.brokers === undefined ? [] : ['--log', 'kafka', '--brokers', values.brokers],
});
console.log(`${result.passed} passed, ${result.failed} failed`);
process.exitCode = result.failed === 0 ? 0 : 1;
