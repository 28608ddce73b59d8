import { Admin } from '@platformatic/kafka';

/** Removes all topics and consumer groups of a cluster; resolves when no broker lists any. */
export async function emptyCluster(brokers: readonly string[]): Promise<void> {
  const admin = new Admin({ clientId: 'millrace-tests', bootstrapBrokers: [...brokers], retries: 20 });
  try {
    const topics = await admin.listTopics({ includeInternals: false });
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const groups = [...(await admin.listGroups()).keys()];
    // Those whose topics are gone go by themselves, perhaps just now.
    for (const group of groups) await admin.deleteGroups({ groups: [group] }).catch(() => {});
    const left = async () => [
      ...(await admin.listTopics({ includeInternals: false })),
      ...(await admin.listGroups()).keys(),
    ];
    while ((await left()).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    await admin.close();
  }
}
