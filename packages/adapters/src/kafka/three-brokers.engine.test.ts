import { after, before, test } from 'node:test';
import { silentLogger, silentMeter } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import { KafkaCluster } from '@millrace/testkit/kafka';
import {
  eventLogSuite,
  KafkaHarness,
  type KafkaOpening,
  NumberedCommits,
  realClock,
} from '@millrace/testkit/log';
import type { KafkaLogLimits } from './config.ts';
import { openKafkaLog } from './kafka-log.ts';

/** Another broker leads when the session of the one that died is over: 9 s by default. */
const QUICK_FENCING = { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '400' };

let starting: Promise<KafkaCluster> | undefined;

function cluster(): Promise<KafkaCluster> {
  return (starting ??= KafkaCluster.start(3, { properties: QUICK_FENCING }));
}

function open(
  options: Omit<KafkaOpening, 'limits'> & { limits: Partial<KafkaLogLimits> },
): Promise<EventLog> {
  return openKafkaLog({ ...options, meter: silentMeter, logger: silentLogger });
}

const harness = new KafkaHarness({
  name: 'kafka, 3 brokers',
  brokers: async () => (await cluster()).brokers,
  open,
});

before(async () => {
  if (harness.absent === undefined) await cluster();
});

eventLogSuite(harness);

test(
  '[LK3] one of three brokers dies, then another: commits go on, each is there once, in order',
  {
    skip: harness.absent ?? false,
  },
  async (t) => {
    const { brokers } = await cluster();
    const log = await open({ brokers, clock: realClock, limits: { retryMsMax: 60_000 } });
    t.after(() => log.close());
    const commits = await NumberedCommits.begin(log, 'failover');
    for (const nodeId of [1, 2]) {
      await commits.goesOn();
      await (await cluster()).killBroker(nodeId);
      await commits.goesOn();
      await (await cluster()).startBroker(nodeId);
    }
    await commits.goesOn();
    const count = await commits.stop();
    await NumberedCommits.check(log, 'failover', count);
  },
);

after(async () => {
  await (await starting)?.stop();
});
