import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '@millrace/core/base';
import { logPort } from './log-option.ts';

test('the embedded log needs nothing; Kafka its brokers', async () => {
  assert.equal(await logPort({ log: 'embedded', brokers: undefined }, {}), undefined);
  assert.deepEqual(await logPort({ log: 'kafka', brokers: 'a:9092,b:9093' }, {}), {
    brokers: ['a:9092', 'b:9093'],
  });
});

test('security comes from the environment', async () => {
  const env = {
    MILLRACE_KAFKA_TLS: '1',
    MILLRACE_KAFKA_SASL: 'PLAIN',
    MILLRACE_KAFKA_USERNAME: 'me',
    MILLRACE_KAFKA_PASSWORD: 'secret',
  };
  assert.deepEqual(await logPort({ log: 'kafka', brokers: 'a:9092' }, env), {
    brokers: ['a:9092'],
    tls: {},
    sasl: { mechanism: 'PLAIN', username: 'me', password: 'secret' },
  });
});

test('options that contradict each other are refused, and secrets are not shown', async () => {
  const kafka = { log: 'kafka', brokers: 'a:9092' } as const;
  const cases = [
    [{ log: 'kafka', brokers: undefined }, {}, /needs --brokers/],
    [{ log: 'embedded', brokers: 'a:9092' }, {}, /needs --log kafka/],
    [kafka, { MILLRACE_KAFKA_SASL: 'MD5' }, /not MD5/],
    [
      kafka,
      { MILLRACE_KAFKA_SASL: 'PLAIN', MILLRACE_KAFKA_PASSWORD: 'secret' },
      /needs MILLRACE_KAFKA_USERNAME/,
    ],
  ] as const;
  for (const [options, env, message] of cases) {
    await assert.rejects(logPort(options, env), (error) => {
      assert.ok(isMillraceError(error) && error.code === 'CLI_LOG_OPTIONS');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});
