import { sourcesError } from './errors.ts';

/** One column of a relation message. */
export interface PgColumn {
  readonly name: string;
  /** OID of its type. */
  readonly type: number;
  /** -1 where the type has no modifier. */
  readonly modifier: number;
  /** Part of the replica identity: with `FULL`, every column is. */
  readonly isIdentity: boolean;
}

/** A table as it was when the rows after this message were written. */
export interface PgRelation {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  /** `d` default, `n` nothing, `f` full, `i` an index. */
  readonly identity: string;
  readonly columns: readonly PgColumn[];
}

/** A column's text as the server writes it, null, or undefined: unchanged and too large to be sent again. */
export type PgValue = string | null | undefined;
export type PgTuple = readonly PgValue[];

/** One message of the `pgoutput` plugin, protocol version 1. Times are microseconds since 1970. */
export type PgMessage =
  | { readonly kind: 'begin'; readonly commitLsn: bigint; readonly timeUs: bigint; readonly xid: number }
  | { readonly kind: 'commit'; readonly commitLsn: bigint; readonly endLsn: bigint }
  | { readonly kind: 'relation'; readonly relation: PgRelation }
  | { readonly kind: 'insert'; readonly oid: number; readonly after: PgTuple }
  | PgUpdate
  | PgDelete
  | { readonly kind: 'truncate'; readonly oids: readonly number[] }
  | { readonly kind: 'other' };

export interface PgUpdate {
  readonly kind: 'update';
  readonly oid: number;
  /** The whole old row, with replica identity `FULL`. */
  readonly before: PgTuple | undefined;
  /** The old key, where the key changed. */
  readonly oldKey: PgTuple | undefined;
  readonly after: PgTuple;
}

export interface PgDelete {
  readonly kind: 'delete';
  readonly oid: number;
  readonly before: PgTuple | undefined;
  readonly oldKey: PgTuple | undefined;
}

/** Microseconds from 1970 to 2000, where Postgres counts from. */
export const POSTGRES_EPOCH_US = 946_684_800_000_000n;

/** Decodes one message; `SOURCES_BAD_MESSAGE` for what protocol version 1 does not have. */
export function decodePgoutput(bytes: Uint8Array): PgMessage {
  const reader = new Reader(bytes);
  const tag = String.fromCharCode(reader.byte());
  switch (tag) {
    case 'B':
      return {
        kind: 'begin',
        commitLsn: reader.int64(),
        timeUs: reader.int64() + POSTGRES_EPOCH_US,
        xid: reader.int32(),
      };
    case 'C':
      reader.byte();
      return { kind: 'commit', commitLsn: reader.int64(), endLsn: reader.int64() };
    case 'R':
      return { kind: 'relation', relation: relationOf(reader) };
    case 'I': {
      const oid = reader.int32();
      reader.byte();
      return { kind: 'insert', oid, after: reader.tuple() };
    }
    case 'U':
    case 'D':
      return rowChangeOf(reader, tag);
    case 'T': {
      const count = reader.int32();
      reader.byte();
      return { kind: 'truncate', oids: Array.from({ length: count }, () => reader.int32()) };
    }
    case 'Y':
    case 'O':
    case 'M':
      return { kind: 'other' };
    default:
      throw sourcesError('SOURCES_BAD_MESSAGE', { details: { tag } });
  }
}

function relationOf(reader: Reader): PgRelation {
  const oid = reader.int32();
  const schema = reader.text() || 'pg_catalog';
  const table = reader.text();
  const identity = String.fromCharCode(reader.byte());
  const columns = Array.from({ length: reader.int16() }, () => ({
    isIdentity: (reader.byte() & 1) === 1,
    name: reader.text(),
    type: reader.int32(),
    modifier: reader.int32() | 0,
  }));
  return { oid, schema, table, identity, columns };
}

function rowChangeOf(reader: Reader, tag: 'U' | 'D'): PgUpdate | PgDelete {
  const oid = reader.int32();
  let before: PgTuple | undefined;
  let oldKey: PgTuple | undefined;
  let part = String.fromCharCode(reader.byte());
  if (part === 'O') before = reader.tuple();
  else if (part === 'K') oldKey = reader.tuple();
  if (tag === 'D') return { kind: 'delete', oid, before, oldKey };
  if (part !== 'N') part = String.fromCharCode(reader.byte());
  return { kind: 'update', oid, before, oldKey, after: reader.tuple() };
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = utf8.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  tuple(): PgTuple {
    return Array.from({ length: this.int16() }, () => this.#value());
  }

  #value(): PgValue {
    const tag = String.fromCharCode(this.byte());
    if (tag === 'n') return null;
    if (tag === 'u') return undefined;
    if (tag !== 't') throw sourcesError('SOURCES_BAD_MESSAGE', { details: { tag } });
    const start = this.#at + 4;
    this.#at = start + this.int32();
    return utf8.decode(this.#bytes.subarray(start, this.#at));
  }
}
