import type { RecordBatch } from '@millrace/core/log';
import { decodeFetched } from './batches.ts';
import type { BrokerPool } from './broker-pool.ts';
import type { KafkaSettings } from './config.ts';
import { classify } from './errors.ts';
import { retrying } from './retry.ts';
import { fetchBatches } from './wire.ts';

export interface ReadPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly bytesMax: number;
  /** Above `offset`; everything below it is committed or aborted. */
  readonly endOffset: number;
}

/** The broker has deleted what is asked for. */
export class DeletedError extends Error {}

/** Reads committed batches from the leaders. */
export class PartitionReader {
  readonly #settings: KafkaSettings;
  readonly #pool: BrokerPool;

  constructor(settings: KafkaSettings, pool: BrokerPool) {
    this.#settings = settings;
    this.#pool = pool;
  }

  /** At least one batch, from the one that holds `offset` on, without a gap. `DeletedError`. */
  async read(place: ReadPlace): Promise<readonly RecordBatch[]> {
    const { clock, limits, checksum } = this.#settings;
    const { topic, partition } = place;
    const retry = {
      pool: this.#pool,
      clock,
      retryMsMax: limits.retryMsMax,
      what: `read ${topic} ${partition}`,
    };
    return await retrying(retry, async () => {
      const node = { nodeId: this.#pool.leader(topic, partition), lane: 'read' } as const;
      const fetched = await this.#pool.ask(node, fetchBatches, place).catch((error: unknown) => {
        if (classify(error).name === 'OFFSET_OUT_OF_RANGE') throw new DeletedError();
        throw error;
      });
      const batches = decodeFetched(fetched, { ...place, checksum });
      // A follower that has just become the leader may not have caught up.
      if (batches.length === 0) throw new BehindError();
      return batches;
    });
  }

  /** Reads everything between two offsets. */
  async scan(place: Omit<ReadPlace, 'bytesMax'>, visit: (batch: RecordBatch) => void): Promise<void> {
    let { offset } = place;
    while (offset < place.endOffset) {
      const batches = await this.read({ ...place, offset, bytesMax: 1 << 20 });
      batches.forEach(visit);
      offset = batches.at(-1)!.lastOffset + 1;
    }
  }
}

/** Passes when the leader has what the one before had. */
class BehindError extends Error {
  readonly apiId = 'OFFSET_NOT_AVAILABLE';
  readonly canRetry = true;

  constructor() {
    super('the leader has no batch there yet');
  }
}
