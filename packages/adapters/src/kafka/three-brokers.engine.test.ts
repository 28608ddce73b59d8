import { after } from 'node:test';
import { silentLogger, silentMeter } from '@millrace/core/base';
import { KafkaCluster } from '@millrace/testkit/kafka';
import { eventLogSuite, KafkaHarness } from '@millrace/testkit/log';
import { openKafkaLog } from './kafka-log.ts';

let cluster: Promise<KafkaCluster> | undefined;

eventLogSuite(
  new KafkaHarness({
    name: 'kafka, 3 brokers',
    brokers: async () => (await (cluster ??= KafkaCluster.start(3))).brokers,
    open: (options) => openKafkaLog({ ...options, meter: silentMeter, logger: silentLogger }),
  }),
);

after(async () => {
  await (await cluster)?.stop();
});
