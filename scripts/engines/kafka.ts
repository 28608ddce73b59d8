import { findExecutable, kafkaClassPath, kafkaJars, kafkaVersion } from '@millrace/testkit/engines';
import { type Engine, runCommand } from './engine.ts';
import { installJars } from './maven.ts';

/** Apache Kafka's broker (KRaft): what `npm run kafka` starts, and what the Kafka log is tested on. */
export const kafka: Engine = {
  name: 'kafka',
  version: kafkaVersion,

  present() {
    const classPath = kafkaClassPath();
    return 'absent' in classPath ? classPath.absent : undefined;
  },

  install: () =>
    installJars(kafka, {
      artifactId: 'kafka_2.13',
      version: kafkaVersion,
      jarsFolder: kafkaJars,
      withLogging: true,
    }),

  async start() {
    const classPath = kafkaClassPath();
    if ('absent' in classPath) throw new Error(classPath.absent);
    const java = findExecutable(['java']) ?? 'java';
    const output = await runCommand(java, ['-cp', classPath.path, 'kafka.Kafka', '--version'], {
      timeoutMs: 60_000,
    });
    return `Apache Kafka broker ${output.trim().split('\n').at(-1)}`;
  },
};
