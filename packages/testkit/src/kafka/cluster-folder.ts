import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findExecutable, kafkaClassPath } from '../engines/index.ts';
import { type BrokerPorts, brokerProperties, type OutsideSecurity } from './broker-properties.ts';

const run = promisify(execFile);

const LOG_LEVEL = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';

/** The same for every cluster: their folders keep them apart. */
const CLUSTER_ID = 'millrace-kafka-cluster';

export interface ClusterPlan {
  /** Holds a folder for each broker; made when it does not exist. */
  readonly folder: string;
  /** Of each broker, by node id from 1; their number is the size of the cluster. */
  readonly ports: readonly BrokerPorts[];
  readonly security?: OutsideSecurity;
  /** `user=password`, for SASL with SCRAM-SHA-256; taken when the folder is made. */
  readonly scramUser?: { readonly username: string; readonly password: string };
  readonly properties?: Readonly<Record<string, string>>;
}

/** A program with its arguments. */
export interface BrokerCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** What it prints goes here. */
  readonly outputPath: string;
}

/** Writes each broker's configuration, formats what is not, and gives the commands that start them. */
export async function prepareCluster(plan: ClusterPlan): Promise<readonly BrokerCommand[]> {
  const classPath = kafkaClassPath();
  if ('absent' in classPath) throw new Error(classPath.absent);
  const java = findExecutable(['java'])!;
  const commands = plan.ports.map(async (_, i) => {
    const folder = join(plan.folder, `broker-${i + 1}`);
    const dataFolder = join(folder, 'data');
    const configuration = join(folder, 'server.properties');
    await mkdir(folder, { recursive: true });
    await writeFile(configuration, brokerProperties({ ...plan, nodeId: i + 1, dataFolder }));
    if (!existsSync(join(dataFolder, 'meta.properties'))) {
      const format = ['-cp', classPath.path, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID];
      const { scramUser } = plan;
      const users =
        scramUser === undefined
          ? []
          : ['--add-scram', `SCRAM-SHA-256=[name=${scramUser.username},password=${scramUser.password}]`];
      await run(java, ['-Xmx128m', ...format, '-c', configuration, ...users]);
    }
    const heap = plan.ports.length === 1 ? ['-Xms128m', '-Xmx512m'] : ['-Xms128m', '-Xmx384m'];
    return {
      file: java,
      args: [...heap, '-XX:+UseSerialGC', LOG_LEVEL, '-cp', classPath.path, 'kafka.Kafka', configuration],
      outputPath: join(folder, 'broker.log'),
    };
  });
  return await Promise.all(commands);
}
