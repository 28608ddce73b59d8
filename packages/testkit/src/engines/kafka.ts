import { join } from 'node:path';
import { type Located, locate } from './engines-folder.ts';
import { findExecutable } from './executable.ts';

/** Version of the Apache Kafka broker. */
export const kafkaVersion = '4.4.0';

/** The folder inside the engine's own that holds the jars. */
export const kafkaJars = 'lib';

/** Kafka's broker and `StorageTool` as a Java class path. */
export function kafkaClassPath(): Located {
  if (findExecutable(['java']) === undefined) return { absent: 'needs Java 17 or newer on PATH' };
  const jars = locate('kafka', kafkaVersion, kafkaJars);
  return 'path' in jars ? { path: join(jars.path, '*') } : jars;
}
