import {
  findExecutable,
  kafkaStreamsClassPath,
  kafkaStreamsJars,
  kafkaStreamsVersion,
} from '@millrace/testkit/engines';
import { type Engine, runCommand } from './engine.ts';
import { installJars } from './maven.ts';

/** Java Kafka Streams with its test driver: the peer that our streams are compared with. */
export const kafkaStreams: Engine = {
  name: 'kafka-streams',
  version: kafkaStreamsVersion,

  present() {
    const classPath = kafkaStreamsClassPath();
    return 'absent' in classPath ? classPath.absent : undefined;
  },

  install: () =>
    installJars(kafkaStreams, {
      artifactId: 'kafka-streams-test-utils',
      version: kafkaStreamsVersion,
      jarsFolder: kafkaStreamsJars,
    }),

  async start() {
    const classPath = kafkaStreamsClassPath();
    if ('absent' in classPath) throw new Error(classPath.absent);
    const javap = findExecutable(['javap']) ?? 'javap';
    const type = 'org.apache.kafka.streams.TopologyTestDriver';
    await runCommand(javap, ['-cp', classPath.path, type], { timeoutMs: 60_000 });
    return `Kafka Streams ${kafkaStreamsVersion}`;
  },
};
