import { join } from 'node:path';
import { type Located, locate } from './engines-folder.ts';
import { findExecutable } from './executable.ts';

/** Version of the Apache Kafka command-line tools. */
export const kafkaToolsVersion = '4.3.1';

/** The folder inside the engine's own that holds the jars. */
export const kafkaToolsJars = 'lib';

/**
 * Kafka's own tools as a Java class path, such as
 * `java -cp PATH org.apache.kafka.tools.DumpLogSegments --files 00000000000000000000.log`.
 */
export function kafkaToolsClassPath(): Located {
  if (findExecutable(['java']) === undefined) return { absent: 'needs Java 17 or newer on PATH' };
  const jars = locate('kafka-tools', kafkaToolsVersion, kafkaToolsJars);
  return 'path' in jars ? { path: join(jars.path, '*') } : jars;
}
