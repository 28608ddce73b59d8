import type { PartitionLog } from './partition-log.ts';
import type { TopicDescription } from './port.ts';

/**
 * The offset below which a partition's records may be deleted: whole segments whose newest record is too old,
 * and the oldest ones of a partition that is too large. Undefined when nothing may go, as in compacted
 * topics.
 */
export function retainedFrom(
  partition: PartitionLog,
  topic: TopicDescription,
  nowMs: number,
): number | undefined {
  if (topic.cleanup === 'compact') return undefined;
  const { segments } = partition;
  let surplusBytes = segments.reduce((sum, { size }) => sum + size, 0) - topic.retentionBytes;
  let retained: number | undefined;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    const isOld = nowMs - segment.lastAppendedAtMs > topic.retentionMs;
    // As in Kafka, a partition keeps at least the size that is allowed: the segment that crosses the limit
    // stays.
    const isSurplus = surplusBytes >= segment.size && i < segments.length - 1;
    if (!isOld && !isSurplus) break;
    surplusBytes -= segment.size;
    retained = partition.endOfSegment(i);
  }
  return retained === undefined || retained <= partition.startOffset ? undefined : retained;
}
