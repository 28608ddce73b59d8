import assert from 'node:assert/strict';
import type { EventLog, LogRecord } from '@millrace/core/log';
import { readAll, valueOf } from './fixture.ts';

export interface ModelAppend {
  readonly topic: string;
  readonly partition: number;
  readonly values: readonly string[];
}

/** One commit as the caller saw it. Its number is also the group offset that it commits. */
export interface ModelCommit {
  readonly number: number;
  readonly appends: readonly ModelAppend[];
  /**
   * `pending`: no answer; `acknowledged`; `refused`: nothing was stored, the log said; `unknown`: the log
   * failed, or the program died; `gone`: not there after a recovery, so it must never be there again.
   */
  status: 'pending' | 'acknowledged' | 'refused' | 'unknown' | 'gone';
  baseOffsets: readonly number[];
}

export const GROUP = 'model';
/** The partition whose group offset says which commit was the last. */
export const GROUP_PLACE = ['a', 0] as const;

/** What must be true of a log, by what its caller was told. */
export class CommitModel {
  readonly commits: ModelCommit[] = [];
  /** By `topic partition`: what `deleteRecordsBefore` was answered for, and the most that was asked for. */
  readonly #starts = new Map<string, { answered: number; asked: number }>();

  begin(appends: readonly Omit<ModelAppend, 'values'>[], recordsMax: (i: number) => number): ModelCommit {
    const number = this.commits.length + 1;
    const commit: ModelCommit = {
      number,
      appends: appends.map(({ topic, partition }, i) => ({
        topic,
        partition,
        values: Array.from({ length: recordsMax(i) }, (_, n) => `${number}.${i}.${n}`),
      })),
      status: 'pending',
      baseOffsets: [],
    };
    this.commits.push(commit);
    return commit;
  }

  askStart(topic: string, partition: number, offset: number): void {
    const start = this.#start(topic, partition);
    start.asked = Math.max(start.asked, offset);
  }

  answerStart(topic: string, partition: number, offset: number): void {
    const start = this.#start(topic, partition);
    start.answered = Math.max(start.answered, offset);
  }

  #start(topic: string, partition: number): { answered: number; asked: number } {
    const key = `${topic} ${partition}`;
    let start = this.#starts.get(key);
    if (start === undefined) this.#starts.set(key, (start = { answered: 0, asked: 0 }));
    return start;
  }

  /**
   * Checks a log that was just opened; afterwards everything in it counts as acknowledged, everything else as
   * gone.
   */
  async settle(log: EventLog): Promise<void> {
    const last = log.committedOffset(GROUP, ...GROUP_PLACE) ?? 0;
    for (const commit of this.commits) {
      const isThere = commit.number <= last && commit.status !== 'refused' && commit.status !== 'gone';
      const { number, status } = commit;
      if (status === 'acknowledged')
        assert.ok(isThere, `commit ${number} was acknowledged, the last is ${last}`);
      if (isThere) commit.status = 'acknowledged';
      else if (status !== 'refused') commit.status = 'gone';
    }
    const newest = this.commits.findLast(({ status }) => status === 'acknowledged')?.number ?? 0;
    assert.equal(last, newest, 'the group offset is of a commit that may be there');
    await this.check(log);
  }

  /**
   * Every partition holds exactly the records of the acknowledged commits, in their order, from its start on;
   * a compacted one at least the newest of each key.
   */
  async check(log: EventLog): Promise<void> {
    const expected = new Map<string, string[]>();
    for (const { topic, partitions } of log.topics()) {
      for (let partition = 0; partition < partitions; partition++) expected.set(`${topic} ${partition}`, []);
    }
    for (const commit of this.commits) {
      if (commit.status !== 'acknowledged') continue;
      commit.appends.forEach(({ topic, partition, values }, i) => {
        const sequence = expected.get(`${topic} ${partition}`);
        assert.ok(sequence, `there is a partition ${topic} ${partition}`);
        const baseOffset = commit.baseOffsets[i];
        if (baseOffset !== undefined)
          assert.equal(sequence.length, baseOffset, `commit ${commit.number} append ${i}`);
        sequence.push(...values);
      });
    }
    for (const [key, sequence] of expected) await this.#checkPartition(log, key, sequence);
  }

  async #checkPartition(log: EventLog, key: string, sequence: readonly string[]): Promise<void> {
    const [topic = '', number] = key.split(' ');
    const partition = Number(number);
    const { startOffset, endOffset } = log.range(topic, partition);
    assert.equal(endOffset, sequence.length, `the end of ${key}`);
    const { answered, asked } = this.#start(topic, partition);
    assert.ok(startOffset >= answered && startOffset <= asked, `${key} begins at ${startOffset}`);
    this.answerStart(topic, partition, startOffset);
    const records = await readAll(log, [topic, partition], { bytesMax: 3_000 });
    if (log.describe(topic)?.cleanup === 'compact')
      return checkCompacted(records, sequence.slice(startOffset), startOffset);
    assert.deepEqual(
      records.map((record) => valueOf(record).split(' ')[0]),
      sequence.slice(startOffset),
      key,
    );
    let lastMs = 0;
    records.forEach(({ offset, timestampMs }, i) => {
      assert.equal(offset, startOffset + i, `${key}: offsets have no gap`);
      assert.ok(timestampMs >= lastMs, `${key}: append times do not go back`);
      lastMs = timestampMs;
    });
  }
}

/** What a value of the compacted topic is appended as: one of a few keys, now and then a tombstone. */
export function keyedOf(value: string): { readonly key: string; readonly isTombstone: boolean } {
  const [commit = 0, append = 0, record = 0] = value.split('.').map(Number);
  return { key: `key ${(commit * 7 + append * 3 + record) % 6}`, isTombstone: (commit + record) % 5 === 0 };
}

/**
 * Records are there with the offset, key and value that they were appended with; of each key the newest is,
 * unless it is a tombstone, and where that is gone so is all before it.
 */
function checkCompacted(
  records: readonly LogRecord[],
  sequence: readonly string[],
  startOffset: number,
): void {
  const newest = new Map<string, number>();
  sequence.forEach((value, i) => newest.set(keyedOf(value).key, startOffset + i));
  const found = new Map<string, number>();
  let lastMs = 0;
  for (const record of records) {
    const value = sequence[record.offset - startOffset];
    assert.ok(value !== undefined, `offset ${record.offset} is within the range`);
    const { key, isTombstone } = keyedOf(value);
    assert.equal(Buffer.from(record.key!).toString(), key);
    assert.equal(record.value === null ? null : valueOf(record).split(' ')[0], isTombstone ? null : value);
    assert.ok(record.offset > (found.get(key) ?? -1) && record.timestampMs >= lastMs, 'the order is kept');
    found.set(key, record.offset);
    lastMs = record.timestampMs;
  }
  for (const [key, offset] of newest) {
    const { isTombstone } = keyedOf(sequence[offset - startOffset]!);
    const last = found.get(key);
    if (last === undefined) assert.ok(isTombstone, `the newest value of ${key}, at ${offset}, is there`);
    else assert.equal(last, offset, `${key} is not as it was before offset ${offset}`);
  }
}
