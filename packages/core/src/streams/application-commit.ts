import { RecordBatchBuilder, type Append, type CommitReceipt, type GroupOffset } from '../log/index.ts';
import type { CollectedPartition } from './record-collector.ts';
import type { TaskCommit } from './stream-task.ts';

const BATCH_BYTES_MAX = 1024 * 1024;

/** One commit of an application: kept until the log has it, so that it can be tried again. */
export class ApplicationCommit {
  readonly tasks: readonly TaskCommit[];

  constructor(tasks: readonly TaskCommit[]) {
    this.tasks = tasks;
  }

  get offsets(): GroupOffset[] {
    return this.tasks.flatMap(({ offsets }) => offsets);
  }

  /** New batches, one for each partition unless it would be too large. */
  appends(): Append[] {
    const appends: Append[] = [];
    const current = new Map<string, Append[]>();
    for (const { written, createdAtMs } of this.tasks) {
      for (const collected of written) {
        const { topic, partition } = collected;
        let partitions = current.get(topic);
        if (partitions === undefined) current.set(topic, (partitions = []));
        let append = partitions[partition];
        if (append === undefined || append.batch.byteLength + collected.bytes > BATCH_BYTES_MAX) {
          const bytesHint = Math.min(collected.bytes, BATCH_BYTES_MAX);
          append = { topic, partition, batch: new RecordBatchBuilder({ createdAtMs, bytesHint }) };
          partitions[partition] = append;
          appends.push(append);
        }
        fill(append, collected, { createdAtMs, appends, partitions });
      }
    }
    return appends;
  }

  /** The offset after the last changelog record of each append, by topic and partition. */
  static endOffsets(appends: readonly Append[], receipt: CommitReceipt): Map<string, number[]> {
    const ends = new Map<string, number[]>();
    for (let i = 0; i < appends.length; i++) {
      const { topic, partition, batch } = appends[i]!;
      let partitions = ends.get(topic);
      if (partitions === undefined) ends.set(topic, (partitions = []));
      partitions[partition] = receipt.baseOffsets[i]! + batch.count;
    }
    return ends;
  }
}

function fill(
  first: Append,
  { topic, partition, keys, values, headers }: CollectedPartition,
  into: { readonly createdAtMs: number; readonly appends: Append[]; readonly partitions: Append[] },
): void {
  let append = first;
  for (let i = 0; i < keys.length; i++) {
    if (append.batch.byteLength > BATCH_BYTES_MAX) {
      append = { topic, partition, batch: new RecordBatchBuilder({ createdAtMs: into.createdAtMs }) };
      into.appends.push(append);
      into.partitions[partition] = append;
    }
    append.batch.append(keys[i]!, values[i]!, headers[i]);
  }
}
