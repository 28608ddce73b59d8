import {
  findExecutable,
  kafkaToolsClassPath,
  kafkaToolsJars,
  kafkaToolsVersion,
} from '@millrace/testkit/engines';
import { type Engine, runCommand } from './engine.ts';
import { installJars } from './maven.ts';

/** Apache Kafka's command-line tools: they read our segment files as Kafka itself would. */
export const kafkaTools: Engine = {
  name: 'kafka-tools',
  version: kafkaToolsVersion,

  present() {
    const classPath = kafkaToolsClassPath();
    return 'absent' in classPath ? classPath.absent : undefined;
  },

  install: () =>
    installJars(kafkaTools, {
      artifactId: 'kafka-tools',
      version: kafkaToolsVersion,
      jarsFolder: kafkaToolsJars,
    }),

  async start() {
    const classPath = kafkaToolsClassPath();
    if ('absent' in classPath) throw new Error(classPath.absent);
    const java = findExecutable(['java']) ?? 'java';
    const tool = 'org.apache.kafka.tools.DumpLogSegments';
    const output = await runCommand(java, ['-cp', classPath.path, tool, '--version'], { timeoutMs: 60_000 });
    return `Apache Kafka ${output.trim().split('\n').at(-1)}`;
  },
};
