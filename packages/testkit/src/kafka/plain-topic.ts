import { Admin } from '@platformatic/kafka';

/** Creates a topic with one replica of each partition and the given settings of Kafka's. */
export async function createPlainTopic(
  brokers: readonly string[],
  topic: string,
  { partitions, settings = {} }: { partitions: number; settings?: Readonly<Record<string, string>> },
): Promise<void> {
  const admin = new Admin({ clientId: 'millrace-tests', bootstrapBrokers: [...brokers], retries: 20 });
  try {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs });
  } finally {
    await admin.close();
  }
}
