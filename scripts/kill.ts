/** `npm run kill -- NAME --times N`: kills the real process under load, starts it again, and reconciles. */
import { killPipeline } from './kill/pipeline.ts';
import { killPipelineOnKafka } from './kill/pipeline-on-kafka.ts';
import { runTrials, type TrialCommand } from './trials/command.ts';

const command: TrialCommand = {
  name: 'kill',
  count: { option: 'times', fallback: 50 },
  subjects: {
    'pipeline': {
      about: 'Kills the server N times under load; every answered event must be there exactly once.',
      run: ({ count, seed, log }) => killPipeline({ times: count, seed, log }),
    },
    'pipeline-on-kafka': {
      about: 'The same with the log on a Kafka broker of its own (npm run engines -- kafka).',
      run: ({ count, seed, log }) => killPipelineOnKafka({ times: count, seed, log }),
    },
  },
};
process.exitCode = await runTrials(command, process.argv.slice(2), console.log);
