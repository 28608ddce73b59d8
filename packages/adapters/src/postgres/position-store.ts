import type { Clock } from '@millrace/core/base';
import { type Append, type EventLog, RecordBatchBuilder } from '@millrace/core/log';
import { formatLsn, parseLsn } from '@millrace/core/sources';

/** How far the capture has come; stored in the same commit as what it covers. */
export interface CapturePosition {
  readonly slot: string;
  /** `snapshot` until the tables were copied whole. */
  readonly phase: 'snapshot' | 'stream';
  /** End of the last transaction that is wholly stored. */
  readonly lsn: bigint;
  /** A transaction too large for one commit, of which `stored` changes are there. */
  readonly part: { readonly xid: number; readonly stored: number } | undefined;
}

const READ_BYTES = 1 << 20;
const LOOK_BACK = 16;

/** Keeps positions in a compacted topic of the log. */
export class PositionStore {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #topic: string;

  constructor(log: EventLog, clock: Clock, source: string) {
    this.#log = log;
    this.#clock = clock;
    this.#topic = `__capture.${source}`;
  }

  /** Undefined before the first commit. */
  async read(): Promise<CapturePosition | undefined> {
    await this.#log.createTopic(this.#topic, { partitions: 1, cleanup: 'compact' });
    const { startOffset, endOffset } = this.#log.range(this.#topic, 0);
    for (let step = LOOK_BACK; ; step *= LOOK_BACK) {
      const from = Math.max(startOffset, endOffset - step);
      const last = await this.#lastFrom(from, endOffset);
      if (last !== undefined || from === startOffset) return last;
    }
  }

  async #lastFrom(from: number, endOffset: number): Promise<CapturePosition | undefined> {
    let last: Uint8Array | undefined;
    for (let offset = from; offset < endOffset;) {
      const batches = await this.#log.read(this.#topic, 0, { offset, bytesMax: READ_BYTES });
      if (batches.length === 0) break;
      for (const batch of batches) {
        for (const { value } of batch.records()) if (value !== null) last = value;
        offset = batch.lastOffset + 1;
      }
    }
    return last === undefined ? undefined : decoded(Buffer.from(last).toString());
  }

  /** The append that stores it. */
  append({ slot, phase, lsn, part }: CapturePosition): Append {
    const batch = new RecordBatchBuilder({ createdAtMs: this.#clock.nowMs() });
    const text = JSON.stringify({ slot, phase, lsn: formatLsn(lsn), part });
    batch.append(Buffer.from('position'), Buffer.from(text));
    return { topic: this.#topic, partition: 0, batch };
  }
}

function decoded(text: string): CapturePosition {
  const { slot, phase, lsn, part } = JSON.parse(text) as {
    readonly slot: string;
    readonly phase: CapturePosition['phase'];
    readonly lsn: string;
    readonly part?: CapturePosition['part'];
  };
  return { slot, phase, lsn: parseLsn(lsn), part };
}
