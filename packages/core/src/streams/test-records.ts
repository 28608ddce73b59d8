import type { RecordHeader } from '../log/index.ts';
import type { InputRecords } from './input-batch.ts';
import { textOf } from './serde.ts';
import { frozen } from './state-entry.ts';

/** A record in a topic of the test driver. */
export class TestRecord implements InputRecords {
  readonly count = 1;
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly logTimestampMs: number;
  readonly recordHeaders: readonly RecordHeader[];
  readonly #offset: number;

  constructor(record: {
    readonly topic: string;
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
    readonly timestampMs: number;
    readonly headers: readonly RecordHeader[];
    readonly offset: number;
  }) {
    this.topic = record.topic;
    this.key = record.key;
    this.value = record.value;
    this.logTimestampMs = record.timestampMs;
    this.recordHeaders = record.headers;
    this.#offset = record.offset;
  }

  offset(): number {
    return this.#offset;
  }

  timestampMs(): number {
    return this.logTimestampMs;
  }

  keyBytes(): Uint8Array | null {
    return this.key;
  }

  valueBytes(): Uint8Array | null {
    return this.value;
  }

  headers(): readonly RecordHeader[] {
    return this.recordHeaders;
  }

  stringKey(): string | null {
    return this.key === null ? null : textOf(this.key);
  }

  /** Frozen: topologies may share a parsed value, and a test shall see who changes it. */
  json(): unknown {
    return this.value === null ? null : frozen(JSON.parse(textOf(this.value)) as unknown);
  }
}
