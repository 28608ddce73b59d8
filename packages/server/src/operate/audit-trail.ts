import type { Clock } from '@millrace/core/base';
import { type EventLog, RecordBatchBuilder } from '@millrace/core/log';
import type { AlertEntry, AuditTrail } from '@millrace/core/observe';

const TOPIC = '__alerts';
const ENTRIES_MAX = 1000;
const READ_BYTES = 1 << 20;

/**
 * What alerts and their actions did, kept in the log: it survives restarts, and cannot be changed afterwards.
 */
export async function openAuditTrail(log: EventLog, clock: Clock): Promise<AuditTrail> {
  await log.createTopic(TOPIC, { partitions: 1, keyed: false, retentionMs: 90 * 86_400_000 });
  const entries = await readEntries(log);
  return {
    async append(entry) {
      const batch = new RecordBatchBuilder({ createdAtMs: clock.nowMs() });
      batch.append(null, Buffer.from(JSON.stringify(entry)));
      await log.commit({ appends: [{ topic: TOPIC, partition: 0, batch }] });
      entries.unshift(entry);
      entries.length = Math.min(entries.length, ENTRIES_MAX);
    },
    entries: (limit) => entries.slice(0, limit),
  };
}

async function readEntries(log: EventLog): Promise<AlertEntry[]> {
  const entries: AlertEntry[] = [];
  const { startOffset, endOffset } = log.range(TOPIC, 0);
  let offset = Math.max(startOffset, endOffset - ENTRIES_MAX);
  while (offset < endOffset) {
    for (const batch of await log.read(TOPIC, 0, { offset, bytesMax: READ_BYTES })) {
      for (const record of batch.records()) {
        if (record.value !== null)
          entries.unshift(JSON.parse(Buffer.from(record.value).toString()) as AlertEntry);
      }
      offset = batch.lastOffset + 1;
    }
  }
  return entries;
}
