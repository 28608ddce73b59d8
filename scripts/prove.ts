/** `npm run prove -- NAME --cases N`: random cases, answered by a part and by its peer. */
import { proveStreams } from './prove/streams.ts';
import { runTrials, type TrialCommand } from './trials/command.ts';

const command: TrialCommand = {
  name: 'prove',
  count: { option: 'cases', fallback: 1_000 },
  subjects: {
    streams: {
      about:
        'Builds N random topologies with random input here and in Java Kafka Streams, in both test drivers, and\n' +
        'compares what they write, record by record. Needs `npm run engines -- kafka-streams`.',
      run: ({ count, seed, log }) => proveStreams({ cases: count, seed, log }),
    },
  },
};
process.exitCode = await runTrials(command, process.argv.slice(2), console.log);
