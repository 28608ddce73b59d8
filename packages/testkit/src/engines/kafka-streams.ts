import { join } from 'node:path';
import { type Located, locate } from './engines-folder.ts';
import { findExecutable } from './executable.ts';

/** Version of Kafka Streams' test driver, which says what our streams should have answered. */
export const kafkaStreamsVersion = '4.3.1';

/** The folder inside the engine's own that holds the jars. */
export const kafkaStreamsJars = 'lib';

/** Kafka Streams and its TopologyTestDriver as a Java class path. */
export function kafkaStreamsClassPath(): Located {
  if (findExecutable(['javac']) === undefined) return { absent: 'needs a JDK, 17 or newer, on PATH' };
  const jars = locate('kafka-streams', kafkaStreamsVersion, kafkaStreamsJars);
  return 'path' in jars ? { path: join(jars.path, '*') } : jars;
}
