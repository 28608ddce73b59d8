import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafkaStreamsClassPath } from '@millrace/testkit/engines';
import { proveStreams } from './streams.ts';

test('300 random topologies write what Java Kafka Streams writes', async (t) => {
  const classPath = kafkaStreamsClassPath();
  if ('absent' in classPath) {
    t.skip(classPath.absent);
    return;
  }
  const lines: string[] = [];
  const result = await proveStreams({ cases: 300, seed: 1, log: (line) => void lines.push(line) });
  assert.deepEqual(result, { passed: 300, failed: 0 }, lines.join('\n'));
});
