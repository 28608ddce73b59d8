import { after, before } from 'node:test';
import { silentLogger, silentMeter } from '@millrace/core/base';
import { KafkaCluster } from '@millrace/testkit/kafka';
import { eventLogSuite, KafkaHarness } from '@millrace/testkit/log';
import { openKafkaLog } from './kafka-log.ts';

let starting: Promise<KafkaCluster> | undefined;

function cluster(): Promise<KafkaCluster> {
  return (starting ??= KafkaCluster.start(1));
}

const harness = new KafkaHarness({
  name: 'kafka, 1 broker',
  brokers: async () => (await cluster()).brokers,
  open: (options) => openKafkaLog({ ...options, meter: silentMeter, logger: silentLogger }),
});

before(async () => {
  if (harness.absent === undefined) await cluster();
});

eventLogSuite(harness);

after(async () => {
  await (await starting)?.stop();
});
