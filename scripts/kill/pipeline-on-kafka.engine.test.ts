import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafkaClassPath } from '@millrace/testkit/engines';
import { killPipelineOnKafka } from './pipeline-on-kafka.ts';

const engine = kafkaClassPath();

test(
  'with its log on Kafka: after three kills under load every answered event is there exactly once',
  {
    skip: 'absent' in engine && engine.absent,
  },
  async (t) => {
    const seed = Date.now() % 100_000;
    t.diagnostic(`seed ${seed}`);
    const lines: string[] = [];
    const result = await killPipelineOnKafka({ times: 3, seed, log: (line) => lines.push(line) });
    assert.deepEqual(result, { passed: 3, failed: 0 }, lines.join('\n'));
  },
);
