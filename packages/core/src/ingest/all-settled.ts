/** Like `Promise.all`, but waits for all of them before it fails: what they work on is at rest afterwards. */
export async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
