import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Ports } from '../profile.ts';
import { fail } from './errors.ts';

/** Which system is the log, as it was typed. */
export interface LogOptions {
  readonly log: 'embedded' | 'kafka';
  readonly brokers: string | undefined;
}

export const logOptions = {
  log: () =>
    new Option('--log <system>', 'what the event log is kept in')
      .choices(['embedded', 'kafka'])
      .default('embedded'),
  brokers: () => new Option('--brokers <list>', 'HOST:PORT,… of some Kafka brokers; the rest is found'),
};

/** Stands below the options of a command that has them. */
export const KAFKA_HELP =
  '\nKafka with security is set in the environment: MILLRACE_KAFKA_SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512),\n' +
  'MILLRACE_KAFKA_USERNAME, MILLRACE_KAFKA_PASSWORD; MILLRACE_KAFKA_TLS=1, MILLRACE_KAFKA_CA (path of a PEM file).\n';

type KafkaPort = NonNullable<Ports['log']>;
type Mechanism = NonNullable<KafkaPort['sasl']>['mechanism'];

const mechanisms: readonly string[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] satisfies Mechanism[];

/** Undefined for the embedded log. `CLI_LOG_OPTIONS` when the options contradict each other. */
export async function logPort(
  { log, brokers = '' }: LogOptions,
  env: NodeJS.ProcessEnv,
): Promise<KafkaPort | undefined> {
  const addresses = brokers.split(',').filter((address) => address !== '');
  if (log === 'embedded') {
    if (addresses.length === 0) return undefined;
    throw fail('CLI_LOG_OPTIONS', { message: '--brokers needs --log kafka.' });
  }
  if (addresses.length === 0) throw fail('CLI_LOG_OPTIONS', { message: '--log kafka needs --brokers.' });
  const ca = env['MILLRACE_KAFKA_CA'];
  const isEncrypted = ca !== undefined || env['MILLRACE_KAFKA_TLS'] === '1';
  const sasl = saslOf(env);
  return {
    brokers: addresses,
    ...(isEncrypted ? { tls: ca === undefined ? {} : { ca: await readFile(ca) } } : {}),
    ...(sasl === undefined ? {} : { sasl }),
  };
}

function saslOf(env: NodeJS.ProcessEnv): KafkaPort['sasl'] {
  const mechanism = env['MILLRACE_KAFKA_SASL'];
  if (mechanism === undefined) return undefined;
  if (!mechanisms.includes(mechanism)) {
    const message = `MILLRACE_KAFKA_SASL is ${mechanisms.join(', ')}, not ${mechanism}.`;
    throw fail('CLI_LOG_OPTIONS', { message });
  }
  const username = env['MILLRACE_KAFKA_USERNAME'];
  const password = env['MILLRACE_KAFKA_PASSWORD'];
  if (!username || !password) {
    const message = 'MILLRACE_KAFKA_SASL needs MILLRACE_KAFKA_USERNAME and MILLRACE_KAFKA_PASSWORD.';
    throw fail('CLI_LOG_OPTIONS', { message });
  }
  return { mechanism: mechanism as Mechanism, username, password };
}
