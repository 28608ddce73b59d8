import assert from 'node:assert/strict';
import type { EventLog } from '@millrace/core/log';
import { batchOf, readValues } from './fixture.ts';

const GROUP = 'numbered';
const TOGETHER = 3;
const partitions = [0, 1] as const;

/** Commits with rising numbers, into both partitions of a topic and as a group offset, until stopped. */
export class NumberedCommits {
  readonly #log: EventLog;
  readonly #topic: string;
  readonly #writing: Promise<void>;
  #acknowledged = 0;
  #isStopped = false;

  private constructor(log: EventLog, topic: string) {
    this.#log = log;
    this.#topic = topic;
    this.#writing = this.#write();
  }

  /** Makes the topic and begins. */
  static async begin(log: EventLog, topic: string): Promise<NumberedCommits> {
    await log.createTopic(topic, { partitions: partitions.length });
    return new NumberedCommits(log, topic);
  }

  /** Resolves when some more commits were acknowledged than now. */
  async goesOn(): Promise<void> {
    const before = this.#acknowledged;
    while (this.#acknowledged < before + 4 * TOGETHER) {
      await Promise.race([this.#writing, new Promise((resolve) => setTimeout(resolve, 20))]);
      assert.ok(!this.#isStopped, 'it goes on only until it is stopped');
    }
  }

  /** Resolves to how many there are; rejects with what the log said of one that it did not take. */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#writing;
    return this.#acknowledged;
  }

  /** Each commit is there once, in order, and the group offset is that of the last one. */
  static async check(log: EventLog, topic: string, count: number): Promise<void> {
    const expected = Array.from({ length: count }, (_, i) => `${i}`);
    for (const partition of partitions) {
      assert.deepEqual(await readValues(log, [topic, partition]), expected);
    }
    assert.equal(log.committedOffset(GROUP, topic, 0), count);
  }

  async #write(): Promise<void> {
    while (!this.#isStopped) {
      const first = this.#acknowledged;
      await Promise.all(Array.from({ length: TOGETHER }, (_, i) => this.#commit(first + i)));
      this.#acknowledged += TOGETHER;
    }
  }

  async #commit(number: number): Promise<void> {
    const topic = this.#topic;
    const appends = partitions.map((partition) => ({ topic, partition, batch: batchOf([`${number}`]) }));
    const offsets = [{ group: GROUP, topic, partition: 0, nextOffset: number + 1 }];
    await this.#log.commit({ appends, offsets });
  }
}
