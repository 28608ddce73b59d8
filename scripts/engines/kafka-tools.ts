import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findExecutable,
  kafkaToolsClassPath,
  kafkaToolsJars,
  kafkaToolsVersion,
} from '@millrace/testkit/engines';
import { type Engine, fillFolder, runCommand } from './engine.ts';

const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>kafka-tools-jars</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>${kafkaToolsVersion}</version>
    </dependency>
  </dependencies>
</project>
`;

/** Apache Kafka's command-line tools: they read our segment files as Kafka itself would. */
export const kafkaTools: Engine = {
  name: 'kafka-tools',
  version: kafkaToolsVersion,

  present() {
    const classPath = kafkaToolsClassPath();
    return 'absent' in classPath ? classPath.absent : undefined;
  },

  async install() {
    const maven = findExecutable(['mvn']);
    if (maven === undefined || findExecutable(['java']) === undefined) {
      throw new Error(
        'needs Java 17 or newer and Maven on PATH; on Debian: apt-get install default-jdk maven',
      );
    }
    await fillFolder(kafkaTools, async (folder) => {
      await writeFile(join(folder, 'pom.xml'), project);
      const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
      const jars = `-DoutputDirectory=${join(folder, kafkaToolsJars)}`;
      await runCommand(maven, ['--batch-mode', goal, jars], { label: 'kafka-tools', cwd: folder });
    });
  },

  async start() {
    const classPath = kafkaToolsClassPath();
    if ('absent' in classPath) throw new Error(classPath.absent);
    const java = findExecutable(['java']) ?? 'java';
    const tool = 'org.apache.kafka.tools.DumpLogSegments';
    const output = await runCommand(java, ['-cp', classPath.path, tool, '--version'], { timeoutMs: 60_000 });
    return `Apache Kafka ${output.trim().split('\n').at(-1)}`;
  },
};
