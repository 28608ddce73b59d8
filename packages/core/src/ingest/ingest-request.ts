import type { StickyPartitioner } from '../log/index.ts';
import type { EventBounds } from './body-splitter.ts';
import type { DedupIndex } from './dedup-index.ts';
import type { RejectionCode } from './errors.ts';
import type { Claims } from './hot-ids.ts';

/** What became of an event. */
export const OUTCOME = { open: 0, stored: 1, duplicate: 2, rejected: 3 } as const;

/** A topic that ingest writes to. */
export interface IngestTopic {
  readonly name: string;
  readonly keyed: boolean;
  readonly idField: string;
  readonly index: DedupIndex;
  /** Where the requests of an unkeyed topic go. */
  readonly partitioner: StickyPartitioner;
}

export interface Rejection {
  /** Position of the event in the request, from 0. */
  readonly index: number;
  readonly code: RejectionCode;
  readonly message: string;
}

/** The events of one request that go to one topic, as positions in the request. */
export interface TopicEvents {
  readonly topic: IngestTopic;
  readonly events: number[];
}

export interface IngestRequestOptions {
  readonly body: Buffer;
  readonly bounds: EventBounds;
  readonly receivedAtMs: number;
  readonly replayed: boolean;
}

/** One request on its way: its events side by side in arrays, without an object for each. */
export class IngestRequest {
  readonly body: Buffer;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly count: number;
  readonly receivedAtMs: number;
  readonly replayed: boolean;
  /** Four words of hash an event. */
  readonly hashes: Uint32Array;
  readonly holders: Uint32Array;
  readonly keys: (string | undefined)[];
  readonly topics: TopicEvents[] = [];
  readonly rejections: Rejection[] = [];
  readonly #outcomes: Uint8Array;

  constructor(options: IngestRequestOptions) {
    this.body = options.body;
    this.starts = options.bounds.starts;
    this.ends = options.bounds.ends;
    this.count = this.starts.length;
    this.receivedAtMs = options.receivedAtMs;
    this.replayed = options.replayed;
    this.hashes = new Uint32Array(this.count * 4);
    this.holders = new Uint32Array(this.count);
    this.keys = Array.from({ length: this.count });
    this.#outcomes = new Uint8Array(this.count);
  }

  claims(owner: number): Claims {
    return { owner, hashes: this.hashes, holders: this.holders };
  }

  /** A valid event and where it goes. */
  route(event: number, topic: IngestTopic, key: string | undefined): void {
    this.keys[event] = key;
    const last = this.topics.at(-1);
    if (last?.topic === topic) {
      last.events.push(event);
      return;
    }
    const known = this.topics.find((each) => each.topic === topic);
    if (known === undefined) this.topics.push({ topic, events: [event] });
    else known.events.push(event);
  }

  /** Returns the code. */
  reject(event: number, code: RejectionCode, message: string): RejectionCode {
    this.#outcomes[event] = OUTCOME.rejected;
    this.rejections.push({ index: event, code, message });
    return code;
  }

  /** Sets the outcome of an event; returns 1, for adding up. */
  conclude(event: number, outcome: number): 1 {
    this.#outcomes[event] = outcome;
    return 1;
  }

  /** How many events had this outcome. */
  total(outcome: number): number {
    let total = 0;
    for (const each of this.#outcomes) if (each === outcome) total++;
    return total;
  }

  outcomeOf(event: number): number {
    return this.#outcomes[event]!;
  }
}
