import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger, silentMeter } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import { findExecutable, kafkaClassPath } from '@millrace/testkit/engines';
import { KafkaCluster } from '@millrace/testkit/kafka';
import { append, readValues, realClock, rejection } from '@millrace/testkit/log';
import type { KafkaLogOptions, SaslOptions } from './config.ts';
import { openKafkaLog } from './kafka-log.ts';

const engine = kafkaClassPath();
const keytool = findExecutable(['keytool']);
const noKeytool = keytool === undefined && 'needs keytool, which comes with Java, on PATH';
const skip = 'absent' in engine ? engine.absent : noKeytool;

const PASSWORD = 'right-password';
const LISTENER = 'listener.name.outside';

let folder: string;
let cluster: KafkaCluster;
/** Closed at the end, also those of a test that failed. */
const opened: EventLog[] = [];
let ca: Buffer;

before(async () => {
  if (skip !== false) return;
  folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-keys-'));
  const keys = join(folder, 'keys.p12');
  const store = ['-keystore', keys, '-storepass', PASSWORD, '-alias', 'broker'];
  const names = ['-dname', 'CN=localhost', '-ext', 'SAN=DNS:localhost,IP:127.0.0.1'];
  const make = ['-genkeypair', '-keyalg', 'RSA', '-storetype', 'PKCS12', '-validity', '2', ...names];
  execFileSync(keytool!, [...make, ...store], { stdio: 'pipe' });
  const certificate = join(folder, 'broker.pem');
  execFileSync(keytool!, ['-exportcert', '-rfc', '-file', certificate, ...store], { stdio: 'pipe' });
  ca = await readFile(certificate);
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
  cluster = await KafkaCluster.start(1, {
    scramUser: { username: 'scram-user', password: PASSWORD },
    security: {
      protocol: 'SASL_SSL',
      properties: {
        'ssl.keystore.type': 'PKCS12',
        'ssl.keystore.location': keys,
        'ssl.keystore.password': PASSWORD,
        'ssl.key.password': PASSWORD,
        [`${LISTENER}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256',
        [`${LISTENER}.plain.sasl.jaas.config`]: `${plain} user_plain-user="${PASSWORD}";`,
        [`${LISTENER}.scram-sha-256.sasl.jaas.config`]: `${scram};`,
      },
    },
  });
});

after(async () => {
  if (skip !== false) return;
  for (const log of opened) await log.close();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<KafkaLogOptions>): Promise<EventLog> {
  const shared = { clock: realClock, meter: silentMeter, logger: silentLogger };
  const limits = { retryMsMax: 5_000 };
  const log = await openKafkaLog({ brokers: cluster.brokers, ...shared, limits, ...options });
  opened.push(log);
  return log;
}

const users: readonly SaslOptions[] = [
  { mechanism: 'PLAIN', username: 'plain-user', password: PASSWORD },
  { mechanism: 'SCRAM-SHA-256', username: 'scram-user', password: PASSWORD },
];

for (const sasl of users) {
  test(`[LK5] TLS and ${sasl.mechanism}: appended, read, and there after a reopen`, { skip }, async () => {
    const topic = sasl.mechanism.toLowerCase();
    const log = await open({ tls: { ca }, sasl });
    await log.createTopic(topic, { partitions: 1 });
    await append(log, [topic, 0], ['a', 'b']);
    await log.close();
    const again = await open({ tls: { ca }, sasl });
    assert.deepEqual(await readValues(again, [topic, 0]), ['a', 'b']);
    await again.close();
  });

  test(`[LK5] ${sasl.mechanism}: a wrong password is refused, and not shown`, { skip }, async () => {
    const wrong = { ...sasl, password: 'wrong-password' };
    const error = await rejection(open({ tls: { ca }, sasl: wrong }), 'KAFKA_REFUSED');
    assert.equal(error.kind, 'config');
    assert.doesNotMatch(JSON.stringify([error.message, error.details]), /wrong-password/);
  });
}

test('[LK5] a certificate that nobody vouches for is refused', { skip }, async () => {
  const error = await rejection(open({ tls: {}, sasl: users[0]! }), 'KAFKA_REFUSED');
  assert.match(error.message, /certificate/i);
});
