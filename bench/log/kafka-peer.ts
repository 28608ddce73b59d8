/** Apache Kafka doing what the log bench does: one broker of its own, measured by Kafka's own tools. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { findExecutable, kafkaClassPath, kafkaToolsClassPath } from '@millrace/testkit/engines';
import { createPlainTopic, KafkaCluster } from '@millrace/testkit/kafka';

export interface KafkaPeerParams {
  readonly events: number;
  readonly eventBytes: number;
  readonly partitions: number;
  /** Events a second of the acknowledgement round. */
  readonly rate: number;
  readonly seconds: number;
}

/** Kernel ticks a second; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const POLL_MS = 20;

/** Undefined where Kafka or its tools are not installed. */
export async function kafkaPeer(params: KafkaPeerParams): Promise<Record<string, number> | undefined> {
  const tools = kafkaToolsClassPath();
  if ('absent' in tools || 'absent' in kafkaClassPath()) return undefined;
  const cluster = await KafkaCluster.start(1);
  try {
    const { partitions } = params;
    await createPlainTopic(cluster.brokers, 'cached', { partitions });
    // Each append is on the disk before it is answered, as with the embedded log.
    await createPlainTopic(cluster.brokers, 'synced', { partitions, settings: { 'flush.messages': '1' } });
    const run = new Tools(tools.path, cluster);
    await run.produce('cached', { ...params, events: Math.ceil(params.events / 4), rate: -1 });
    const cached = await run.produce('cached', { ...params, rate: -1 });
    const synced = await run.produce('synced', { ...params, rate: -1 });
    const read = await run.consume('cached', params.events);
    const paced = await run.produce('synced', { ...params, events: params.rate * params.seconds });
    return {
      kafkaUnsyncedEventsPerSecond: cached.eventsPerSecond,
      kafkaUnsyncedCpuNanosPerEvent: cached.cpuNanosPerEvent,
      kafkaEventsPerSecond: synced.eventsPerSecond,
      kafkaCpuNanosPerEvent: synced.cpuNanosPerEvent,
      kafkaReadEventsPerSecond: read.eventsPerSecond,
      kafkaReadCpuNanosPerEvent: read.cpuNanosPerEvent,
      kafkaAckMsP50: paced.latencyMsP50,
      kafkaAckMsP99: paced.latencyMsP99,
    };
  } finally {
    await cluster.stop();
  }
}

interface ProduceOptions {
  readonly events: number;
  readonly eventBytes: number;
  /** -1: as many as possible. */
  readonly rate: number;
}

/** Kafka's ProducerPerformance and ConsumerPerformance, with the CPU time of tool and broker together. */
class Tools {
  readonly #classPath: string;
  readonly #cluster: KafkaCluster;

  constructor(classPath: string, cluster: KafkaCluster) {
    this.#classPath = classPath;
    this.#cluster = cluster;
  }

  async produce(topic: string, { events, eventBytes, rate }: ProduceOptions) {
    const properties = ['acks=all', 'linger.ms=2', 'batch.size=1048576', 'buffer.memory=67108864'];
    const { output, cpuNanos } = await this.#run('ProducerPerformance', {
      'topic': [topic],
      'num-records': [String(events)],
      'record-size': [String(eventBytes)],
      'throughput': [String(rate)],
      'command-property': properties,
    });
    const last = output.trimEnd().split('\n').at(-1) ?? '';
    const figure = (pattern: RegExp) => Number(pattern.exec(last)?.[1] ?? Number.NaN);
    return {
      eventsPerSecond: figure(/([\d.]+) records\/sec/),
      latencyMsP50: figure(/([\d.]+) ms 50th/),
      latencyMsP99: figure(/([\d.]+) ms 99th/),
      cpuNanosPerEvent: cpuNanos / events,
    };
  }

  async consume(topic: string, events: number) {
    const { output, cpuNanos } = await this.#run('ConsumerPerformance', {
      'topic': [topic],
      'num-records': [String(events)],
    });
    const [names = '', values = ''] = output
      .trimEnd()
      .split('\n')
      .filter((line) => line.includes(','))
      .slice(-2);
    const column = names.split(',').findIndex((name) => name.trim() === 'fetch.nMsg.sec');
    return {
      eventsPerSecond: Number(values.split(',')[column]),
      cpuNanosPerEvent: cpuNanos / events,
    };
  }

  async #run(
    tool: string,
    options: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ output: string; cpuNanos: number }> {
    const brokerBefore = this.#brokerTicks();
    const given = { 'bootstrap-server': [this.#cluster.brokers.join(',')], ...options };
    const args = Object.entries(given).flatMap(([name, values]) => [`--${name}`, ...values]);
    const command = ['-cp', this.#classPath, `org.apache.kafka.tools.${tool}`, ...args];
    const child = spawn(findExecutable(['java'])!, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    let toolTicks = 0;
    while (child.exitCode === null) {
      toolTicks = ticksOf(child.pid!) ?? toolTicks;
      await delay(POLL_MS);
    }
    if ((await ended) !== 0) throw new Error(`${tool} ended with ${child.exitCode}:\n${errors}`);
    const ticks = toolTicks + this.#brokerTicks() - brokerBefore;
    return { output, cpuNanos: (ticks / TICKS_PER_SECOND) * 1e9 };
  }

  #brokerTicks(): number {
    return this.#cluster.pids.reduce((sum, pid) => sum + (ticksOf(pid) ?? 0), 0);
  }
}

/** User and system time of a process; undefined when it is gone. */
function ticksOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return undefined;
  }
}
