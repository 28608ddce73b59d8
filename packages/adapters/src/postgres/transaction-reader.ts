import { assert } from '@millrace/core/base';
import {
  type CapturedTable,
  type ChangeOrigin,
  changesOf,
  decodePgoutput,
  type KeyedChange,
  type PgMessage,
  TRUNCATED,
  type PostgresSource,
} from '@millrace/core/sources';
import type { ChangeWriter } from './change-writer.ts';
import type { CapturePosition } from './position-store.ts';
import type { StreamItem } from './replication-stream.ts';
import type { TableCatalog } from './table-catalog.ts';

export interface TransactionReaderOptions {
  readonly source: PostgresSource;
  readonly database: string;
  readonly writer: ChangeWriter;
  readonly catalog: TableCatalog;
  readonly position: CapturePosition;
  /** A transaction above this is committed in parts. */
  readonly transactionBytesMax: number;
}

interface OpenTransaction {
  readonly xid: number;
  readonly timeUs: bigint;
  /** Changes that the log has already, from before a restart. */
  readonly skip: number;
  seen: number;
}

/** Turns the stream's messages into commits of whole transactions. */
export class TransactionReader {
  readonly #options: TransactionReaderOptions;
  readonly #tables = new Map<number, CapturedTable>();
  #position: CapturePosition;
  #open: OpenTransaction | undefined;
  #isChanged = false;
  #idleLsn = 0n;

  constructor(options: TransactionReaderOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  async take(item: StreamItem): Promise<void> {
    if (item.kind === 'keepalive') {
      if (this.#open === undefined) this.#idleLsn = item.endLsn;
      return;
    }
    await this.#message(decodePgoutput(item.bytes), item.lsn);
  }

  /** Stores the transactions that have ended; resolves to what the server may forget. */
  async flush(): Promise<bigint> {
    // An open transaction's changes would go with it, and come again after a restart.
    if (this.#isChanged && this.#open === undefined) await this.#commit(this.#position);
    if (this.#isChanged) return 0n;
    return this.#idleLsn > this.#position.lsn ? this.#idleLsn : this.#position.lsn;
  }

  async #message(message: PgMessage, lsn: bigint): Promise<void> {
    switch (message.kind) {
      case 'begin':
        this.#begin(message);
        return;
      case 'commit':
        this.#end(message.endLsn);
        return;
      case 'relation':
        await this.#options.writer.prepare(message.relation);
        this.#tables.set(message.relation.oid, await this.#options.catalog.captured(message.relation));
        return;
      case 'truncate':
        for (const oid of message.oids) await this.#add([TRUNCATED], this.#tableOf(oid), lsn);
        return;
      case 'insert':
      case 'update':
      case 'delete': {
        const table = this.#tableOf(message.oid);
        await this.#add(changesOf(message, table), table, lsn);
        return;
      }
      case 'other':
        return;
    }
  }

  #begin({ xid, timeUs, commitLsn }: Extract<PgMessage, { kind: 'begin' }>): void {
    const { lsn, part } = this.#position;
    // The server may begin before the position that it was asked for.
    const isStored = commitLsn < lsn;
    const skip = isStored ? Infinity : part?.xid === xid ? part.stored : 0;
    this.#open = { xid, timeUs, skip, seen: 0 };
  }

  #end(endLsn: bigint): void {
    this.#open = undefined;
    if (endLsn <= this.#position.lsn) return;
    this.#position = { ...this.#position, lsn: endLsn, part: undefined };
    this.#isChanged = true;
  }

  async #add(changes: readonly KeyedChange[], table: CapturedTable, lsn: bigint): Promise<void> {
    const open = this.#open;
    assert(open !== undefined, 'changes come within transactions');
    const { writer, source, database, transactionBytesMax } = this.#options;
    const origin: ChangeOrigin = {
      name: source.name,
      database,
      snapshot: 'false',
      timeUs: open.timeUs,
      xid: open.xid,
      lsn,
      lastCommitLsn: this.#position.lsn,
    };
    open.seen++;
    if (open.seen <= open.skip) return;
    for (const change of changes) writer.add(change, table.relation, origin);
    if (writer.bytes < transactionBytesMax) return;
    await this.#commit({ ...this.#position, part: { xid: open.xid, stored: open.seen } });
  }

  async #commit(position: CapturePosition): Promise<void> {
    await this.#options.writer.commit(position);
    this.#position = position;
    this.#isChanged = false;
  }

  #tableOf(oid: number): CapturedTable {
    const table = this.#tables.get(oid);
    assert(table !== undefined, 'a relation message comes before its rows');
    return table;
  }
}
