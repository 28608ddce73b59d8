import { assert, seededRandom } from '@millrace/core/base';
import { ContractRegistry, defineEvent, Type, type EventContract } from '@millrace/core/contract';
import {
  createIngest,
  type AcceptOptions,
  type DeadLetter,
  type Ingest,
  type IngestOptions,
  type IngestReply,
} from '@millrace/core/ingest';
import type { EventLog, LogRecord } from '@millrace/core/log';
import { VirtualClock } from '../clock/index.ts';
import { SimulatedDisk } from '../simulation/index.ts';
import { drive } from './drive.ts';
import { MemoryLog } from './memory-log.ts';

/** An event type with a key. */
export const view = defineEvent({
  name: 'view',
  version: 1,
  key: 'user_id',
  schema: Type.Object({
    user_id: Type.String(),
    price: Type.Number(),
    nested: Type.Optional(Type.Unknown()),
  }),
});

/** An event type without, in a topic of its own. */
export const ping = defineEvent({
  name: 'ping',
  version: 1,
  topic: 'pings',
  schema: Type.Object({ page: Type.String() }),
});

let lastId = 0;

/** A valid `view` with an id of its own, and the changes. */
export function viewOf(change: Readonly<Record<string, unknown>> = {}) {
  const event_id = `v${++lastId}`;
  const event_timestamp = 1_700_000_000_000;
  return { event_id, event_type: 'view', event_timestamp, user_id: 'u1', price: 5, ...change };
}

/** A valid `ping` with an id of its own, and the changes. */
export function pingOf(change: Readonly<Record<string, unknown>> = {}) {
  const event_id = `p${++lastId}`;
  return { event_id, event_type: 'ping', event_timestamp: '2023-11-14T22:13:20Z', page: '/', ...change };
}

/** Ingest of a small shop on a log in memory; its clock stands at the events' time. */
export class SmallShop {
  readonly clock = new VirtualClock();
  readonly log = new MemoryLog(this.clock);
  readonly files = new SimulatedDisk({ random: seededRandom(1) }).mount();
  ingest!: Ingest;

  static async open(
    options: Partial<IngestOptions> = {},
    contracts: readonly EventContract[] = [view, ping],
  ): Promise<SmallShop> {
    const shop = new SmallShop();
    await shop.start(options, contracts);
    return shop;
  }

  /** A start on what is there; close the ingest of the start before. */
  async start(
    options: Partial<IngestOptions> = {},
    contracts: readonly EventContract[] = [view, ping],
  ): Promise<void> {
    const { log, clock, files } = this;
    const registry = new ContractRegistry(contracts);
    const random = seededRandom(2);
    const opening = createIngest({ log, registry, clock, random, files, folder: '/dedup', ...options });
    this.ingest = await drive(clock, opening);
  }

  /** Sends a body, as JSON by default. */
  accept(body: string | Buffer, given: Partial<AcceptOptions> = {}): Promise<IngestReply> {
    const options = { contentType: 'application/json', receivedAtMs: this.clock.nowMs(), ...given };
    return drive(this.clock, this.ingest.accept(Buffer.from(body as string), options));
  }

  /** Sends NDJSON; text among the events is a line as it is. */
  lines(events: readonly unknown[], given: Partial<AcceptOptions> = {}): Promise<IngestReply> {
    const lines = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)));
    return this.accept(lines.join('\n'), { contentType: 'application/x-ndjson', ...given });
  }

  /** Every event is accounted for. */
  assertIdentity(): void {
    const { received, stored, duplicates, deadLettered } = this.ingest.counts();
    assert(received === stored + duplicates + deadLettered, 'received = stored + duplicates + dead-lettered');
  }

  async letters(): Promise<DeadLetter[]> {
    const letters = [];
    for await (const letter of this.ingest.deadLetters()) letters.push(letter);
    return letters;
  }

  records(topic: string): Promise<StoredRecord[]> {
    return recordsOf(this.log, topic);
  }
}

/** A record as text. */
export interface StoredRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** All records of a topic, partition by partition. */
export async function recordsOf(log: EventLog, topic: string): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (let partition = 0; partition < log.describe(topic)!.partitions; partition++) {
    let { startOffset: offset } = log.range(topic, partition);
    while (offset < log.range(topic, partition).endOffset) {
      for (const batch of await log.read(topic, partition, { offset, bytesMax: 1 << 20 })) {
        for (const record of batch.records()) records.push(storedRecord(record, partition));
        offset = batch.lastOffset + 1;
      }
    }
  }
  return records;
}

function storedRecord(record: LogRecord, partition: number): StoredRecord {
  const headers = record.headers.map(({ key, value }) => [key, textOf(value)] as const);
  return {
    partition,
    key: textOrNull(record.key),
    value: textOrNull(record.value),
    headers: Object.fromEntries(headers),
  };
}

function textOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : textOf(bytes);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
