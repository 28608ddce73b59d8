import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BrokerPorts,
  endOf,
  endProcess,
  isPortTaken,
  prepareCluster,
  spawnBroker,
  waitForPort,
} from '@millrace/testkit/kafka';

export interface RunningBroker {
  readonly nodeId: number;
  readonly pid: number;
}

/** Brokers that outlive the command which starts them; their processes are noted in their folders. */
export class LocalKafka {
  readonly #folder: string;
  readonly #ports: readonly BrokerPorts[];

  constructor(folder: string, brokerCount: 1 | 3) {
    // A cluster of another size is another cluster: its replicas are placed differently.
    this.#folder = clusterFolder(folder, brokerCount);
    this.#ports = Array.from({ length: brokerCount }, (_, i) => ({
      outside: 9092 + i * 2,
      inside: 29_092 + i,
      controller: 29_192 + i,
    }));
  }

  /** Starts all brokers; resolves to their addresses when they accept connections. */
  async start(): Promise<readonly string[]> {
    const running = await LocalKafka.running(join(this.#folder, '..'));
    if (running.length > 0) {
      const brokers = running.map(({ nodeId, pid }) => `broker ${nodeId} (process ${pid})`).join(', ');
      throw new Error(`it runs already: ${brokers}. Stop it first: npm run kafka -- stop`);
    }
    for (const port of this.#ports.flatMap((ports) => Object.values<number>({ ...ports }))) {
      if (await isPortTaken(port)) throw new Error(`port ${port} is in use by another program`);
    }
    const commands = await prepareCluster({ folder: this.#folder, ports: this.#ports });
    try {
      await Promise.all(
        commands.map(async (command, i) => {
          const child = spawnBroker(command, true);
          await writeFile(pidPath(this.#folder, i + 1), `${child.pid}\n`);
          await waitForPort(this.#ports[i]!.outside, async () => {
            if (child.exitCode === null && child.signalCode === null) return;
            throw new Error(
              `broker ${i + 1} ended; ${command.outputPath}:\n${await endOf(command.outputPath)}`,
            );
          });
        }),
      );
    } catch (error) {
      await LocalKafka.stop(join(this.#folder, '..'));
      throw error;
    }
    return this.#ports.map(({ outside }) => `127.0.0.1:${outside}`);
  }

  /** Ends every broker that was started below the folder; resolves to how many there were. */
  static async stop(folder: string): Promise<number> {
    const running = await LocalKafka.running(folder);
    await Promise.all(running.map(({ pid }) => endProcess(pid)));
    for (const size of [1, 3]) {
      for (let nodeId = 1; nodeId <= size; nodeId++) {
        await rm(pidPath(clusterFolder(folder, size), nodeId), { force: true });
      }
    }
    return running.length;
  }

  static async running(folder: string): Promise<readonly RunningBroker[]> {
    const brokers: RunningBroker[] = [];
    for (const size of [1, 3]) {
      for (let nodeId = 1; nodeId <= size; nodeId++) {
        const text = await readFile(pidPath(clusterFolder(folder, size), nodeId), 'utf8').catch(() => '');
        const pid = Number(text);
        if (pid > 0 && (await isBroker(pid))) brokers.push({ nodeId, pid });
      }
    }
    return brokers;
  }
}

function clusterFolder(folder: string, size: number): string {
  return join(folder, size === 1 ? '1-broker' : '3-brokers');
}

function pidPath(folder: string, nodeId: number): string {
  return join(folder, `broker-${nodeId}`, 'pid');
}

/** A process with this id that may be another program's by now is not ended where the system can tell. */
async function isBroker(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('kafka.Kafka');
}
