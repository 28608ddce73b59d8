import { KafkaCluster } from '@millrace/testkit/kafka';
import { type KillOptions, killPipeline } from './pipeline.ts';

/** `killPipeline` with the log on a broker that is started for it and not killed. */
export async function killPipelineOnKafka(
  options: Omit<KillOptions, 'serverArgs'>,
): Promise<{ passed: number; failed: number }> {
  const cluster = await KafkaCluster.start(1);
  try {
    const serverArgs = ['--log', 'kafka', '--brokers', cluster.brokers.join(',')];
    return await killPipeline({ ...options, serverArgs });
  } finally {
    await cluster.stop();
  }
}
