import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerPorts } from './broker-properties.ts';
import { type BrokerCommand, type ClusterPlan, prepareCluster } from './cluster-folder.ts';
import { freePorts } from './free-ports.ts';

const START_MS = 120_000;
const STOP_MS = 60_000;

/** Real brokers on free ports of the loopback interface, with an empty folder that goes with them. */
export class KafkaCluster {
  readonly #plan: ClusterPlan;
  readonly #commands: readonly BrokerCommand[];
  readonly #processes = new Map<number, ChildProcess>();

  private constructor(plan: ClusterPlan, commands: readonly BrokerCommand[]) {
    this.#plan = plan;
    this.#commands = commands;
    process.once('exit', () => this.#killAll());
  }

  /** Resolves when all brokers accept connections; `stop` must follow. */
  static async start(
    brokerCount: 1 | 3,
    options: Omit<ClusterPlan, 'folder' | 'ports'> = {},
  ): Promise<KafkaCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
    const free = await freePorts(brokerCount * 3);
    const ports = Array.from({ length: brokerCount }, (_, i): BrokerPorts => {
      const [outside, inside, controller] = free.slice(i * 3, i * 3 + 3) as [number, number, number];
      return { outside, inside, controller };
    });
    const plan = { ...options, folder, ports };
    const cluster = new KafkaCluster(plan, await prepareCluster(plan));
    try {
      await Promise.all(ports.map((_, i) => cluster.startBroker(i + 1)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** `HOST:PORT` of each broker, for clients. */
  get brokers(): readonly string[] {
    return this.#plan.ports.map(({ outside }) => `127.0.0.1:${outside}`);
  }

  /** The processes of the brokers that run. */
  get pids(): readonly number[] {
    return [...this.#processes.values()].map(({ pid }) => pid!);
  }

  /** Starts a broker that was stopped or killed; resolves when it accepts connections. */
  async startBroker(nodeId: number): Promise<void> {
    const command = this.#commands[nodeId - 1]!;
    const child = spawnBroker(command, false);
    this.#processes.set(nodeId, child);
    await waitForPort(this.#plan.ports[nodeId - 1]!.outside, async () => {
      if (child.exitCode === null) return;
      throw new Error(`broker ${nodeId} ended:\n${await endOf(command.outputPath)}`);
    });
  }

  /** Ends a broker as a power failure would. */
  async killBroker(nodeId: number): Promise<void> {
    await this.#end(nodeId, 'SIGKILL');
  }

  /** Ends all brokers and removes their folder. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((nodeId) => this.#end(nodeId, 'SIGKILL')));
    await rm(this.#plan.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #end(nodeId: number, signal: NodeJS.Signals): Promise<void> {
    const child = this.#processes.get(nodeId);
    this.#processes.delete(nodeId);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  #killAll(): void {
    for (const child of this.#processes.values()) child.kill('SIGKILL');
  }
}

/** Starts a broker whose output goes to its file; `isDetached`: it outlives this process. */
export function spawnBroker(command: BrokerCommand, isDetached: boolean): ChildProcess {
  const output = openSync(command.outputPath, 'a');
  try {
    const child = spawn(command.file, command.args, {
      stdio: ['ignore', output, output],
      detached: isDetached,
    });
    if (isDetached) child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

/** Resolves when the port accepts connections; `check` may throw to end the wait. */
export async function waitForPort(port: number, check: () => Promise<void>): Promise<void> {
  const deadlineMs = performance.now() + START_MS;
  while (performance.now() < deadlineMs) {
    await check();
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing accepts connections on port ${port} after ${START_MS / 1000} s`);
}

/** Ends a process by its id: asks it first; resolves when it is gone. */
export async function endProcess(pid: number): Promise<void> {
  const deadlineMs = performance.now() + STOP_MS;
  let signal: NodeJS.Signals | 0 = 'SIGTERM';
  for (;;) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    signal = performance.now() < deadlineMs ? 0 : 'SIGKILL';
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The last lines of a file. */
export async function endOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-20).join('\n');
}
