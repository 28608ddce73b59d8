import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LocalKafka } from './kafka/local-kafka.ts';

const folder = join(import.meta.dirname, '..', '.millrace', 'kafka');

const usage = `npm run kafka -- start [--brokers 1|3] | stop [--delete] | status
A real Apache Kafka on this machine, for trying Millrace with --log kafka. Set up for exactly-once; with three
brokers every record has three replicas and one broker may be away. It goes on when the terminal is closed.
  start     start the brokers, and say where they are (default: 1 broker)
  stop      end them in good order; --delete removes what they hold
  status    say what runs
Clients outside: ports 9092 (9094, 9096). Between brokers, and for clients in their network: 29092 to 29094.
Data and output of the brokers: ${folder}
Needs Java 17 and the engine: npm run engines -- kafka`;

async function start(brokers: string): Promise<void> {
  if (brokers !== '1' && brokers !== '3') throw new UsageError(`--brokers is 1 or 3, not ${brokers}`);
  const kafka = new LocalKafka(folder, brokers === '1' ? 1 : 3);
  console.log(`Starting ${brokers === '1' ? 'one broker' : 'three brokers'} …`);
  const addresses = (await kafka.start()).join(',');
  console.log(`Kafka is ready: ${addresses}`);
  console.log(`  Use it:  npm start -- --log kafka --brokers ${addresses}`);
  console.log('  End it:  npm run kafka -- stop');
}

async function stop(isDeleting: boolean): Promise<void> {
  const ended = await LocalKafka.stop(folder);
  console.log(
    ended === 0 ? 'No broker was running.' : `Stopped: ${ended} ${ended === 1 ? 'broker' : 'brokers'}.`,
  );
  if (!isDeleting) return;
  await rm(folder, { recursive: true, force: true });
  console.log('Its data was removed.');
}

async function status(): Promise<void> {
  const running = await LocalKafka.running(folder);
  if (running.length === 0) console.log('No broker runs.');
  for (const { nodeId, pid } of running) console.log(`broker ${nodeId}: process ${pid}`);
}

class UsageError extends Error {}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      brokers: { type: 'string', default: '1' },
      delete: { type: 'boolean', default: false },
    },
  });
  const [command] = positionals;
  if (values.help) console.log(usage);
  else if (command === 'start') await start(values.brokers);
  else if (command === 'stop') await stop(values.delete);
  else if (command === 'status') await status();
  else throw new UsageError(command === undefined ? 'say what to do' : `there is no command ${command}`);
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`kafka: ${error instanceof Error ? error.message : String(error)}`);
  const isUsage = error instanceof UsageError || error instanceof TypeError;
  if (isUsage) console.error(`\n${usage}`);
  process.exitCode = isUsage ? 2 : 1;
});
