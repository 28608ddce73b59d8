export { chromiumCommand } from './chromium.ts';
export { dbtCommand, dbtVersion, pythonBinFolder } from './dbt.ts';
export { completeMarkPath, engineFolder, enginesFolder, type Located, needs } from './engines-folder.ts';
export { findExecutable } from './executable.ts';
export { kafkaClassPath, kafkaJars, kafkaVersion } from './kafka.ts';
export { kafkaStreamsClassPath, kafkaStreamsJars, kafkaStreamsVersion } from './kafka-streams.ts';
export { kafkaToolsClassPath, kafkaToolsJars, kafkaToolsVersion } from './kafka-tools.ts';
export { postgresNative, postgresPackage, postgresVersion } from './postgres.ts';
