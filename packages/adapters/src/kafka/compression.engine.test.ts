import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { silentLogger, silentMeter } from '@millrace/core/base';
import { findExecutable, kafkaClassPath, kafkaToolsClassPath } from '@millrace/testkit/engines';
import { KafkaCluster } from '@millrace/testkit/kafka';
import { batchOf, readValues, realClock } from '@millrace/testkit/log';
import type { Codec } from './compression.ts';
import { openKafkaLog } from './kafka-log.ts';

const [engine, tools] = [kafkaClassPath(), kafkaToolsClassPath()];
const skip = 'absent' in engine ? engine.absent : 'absent' in tools && tools.absent;
const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** One of Kafka's own command-line tools, with Java's codecs; resolves to the lines it printed. */
async function runTool(name: string, args: readonly string[], input = ''): Promise<string[]> {
  assert.ok('path' in tools);
  const command = ['-Xmx256m', '-cp', tools.path, `org.apache.kafka.tools.${name}`, ...args];
  const child = spawn(findExecutable(['java'])!, command, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0, errors);
  return output.split('\n').filter((line) => line !== '');
}

test(
  '[LK4] what we compress Java reads, and what Java compresses we read: every codec',
  { skip },
  async (t) => {
    const cluster = await KafkaCluster.start(1);
    t.after(() => cluster.stop());
    const { brokers } = cluster;
    const server = ['--bootstrap-server', brokers.join(',')];
    const shared = { clock: realClock, meter: silentMeter, logger: silentLogger };
    for (const codec of codecs) {
      const log = await openKafkaLog({ brokers, ...shared, compression: codec });
      t.after(() => log.close());
      const topic = `codec-${codec}`;
      await log.createTopic(topic, { partitions: 1 });
      const ours = Array.from({ length: 200 }, (_, i) => `ours ${i} ${'ü'.repeat(i)}`);
      for (const values of [ours.slice(0, 150), ours.slice(150)]) {
        await log.commit({ appends: [{ topic, partition: 0, batch: batchOf(values) }] });
      }
      assert.deepEqual(await readValues(log, [topic, 0]), ours, codec);
      const theirs = Array.from({ length: 300 }, (_, i) => `theirs ${i} ${'x'.repeat(i)}`);
      const compression = codec === 'none' ? [] : ['--compression-codec', codec];
      await runTool(
        'ConsoleProducer',
        [...server, '--topic', topic, ...compression],
        `${theirs.join('\n')}\n`,
      );
      while (log.range(topic, 0).endOffset < ours.length + 2 + theirs.length) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const all = [...ours, ...theirs];
      assert.deepEqual(await readValues(log, [topic, 0]), all, codec);
      assert.deepEqual(await readValues(log, [topic, 0], { bytesMax: 1 }), all, codec);
      const seen = await runTool('consumer.ConsoleConsumer', [
        ...server,
        '--topic',
        topic,
        '--from-beginning',
        '--isolation-level',
        'read_committed',
        '--max-messages',
        String(all.length),
        '--timeout-ms',
        '30000',
      ]);
      assert.deepEqual(seen, all, codec);
    }
  },
);
