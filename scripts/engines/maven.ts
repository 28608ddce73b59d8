import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findExecutable } from '@millrace/testkit/engines';
import { type Engine, fillFolder, runCommand } from './engine.ts';

export interface MavenArtifact {
  readonly artifactId: string;
  readonly version: string;
  /** Whether to add a binding that prints what the program logs: Apache Kafka's brokers bring none. */
  readonly withLogging?: boolean;
  /** The folder inside the engine's own that gets the jars. */
  readonly jarsFolder: string;
}

/** Fills an engine's folder with one artifact of Apache Kafka from Maven Central and all that it needs. */
export async function installJars(engine: Engine, artifact: MavenArtifact): Promise<void> {
  const maven = findExecutable(['mvn']);
  if (maven === undefined || findExecutable(['java']) === undefined) {
    throw new Error('needs Java 17 or newer and Maven on PATH; on Debian: apt-get install default-jdk maven');
  }
  await fillFolder(engine, async (folder) => {
    await writeFile(join(folder, 'pom.xml'), projectOf(artifact));
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    const options = [
      `-DoutputDirectory=${join(folder, artifact.jarsFolder)}`,
      '-DincludeScope=runtime',
      '--update-snapshots',
    ];
    await runCommand(maven, ['--batch-mode', goal, ...options], { label: engine.name, cwd: folder });
  });
}

const loggingDependency = `
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>`;

function projectOf({ artifactId, version, withLogging }: MavenArtifact): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>${artifactId}-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>${artifactId}</artifactId>
      <version>${version}</version>
    </dependency>${withLogging ? loggingDependency : ''}
  </dependencies>
</project>
`;
}
