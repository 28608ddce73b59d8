import type { AppendSession } from './append-session.ts';
import type { LoadedOffset } from './port.ts';

const CREATE = `
  create schema if not exists raw;
  create schema if not exists meta;
  create table if not exists raw.as_of (as_of timestamp);
  create table if not exists meta.loaded_offsets (
    topic varchar not null, "partition" integer not null, next_offset bigint not null,
    "rows" bigint not null, rejected_rows bigint not null, expired_records bigint not null);
  create table if not exists meta.rejected_rows (
    topic varchar not null, "partition" integer not null, log_offset bigint not null,
    rejected_at timestamp not null, reason varchar not null, "value" varchar)`;

/** Newest rejected rows that are kept; the counts in `meta.loaded_offsets` go on. */
const REJECTED_ROWS_MAX = 10_000;
/** Rejected rows of one load that are kept; more say nothing new. */
const REJECTED_ROWS_PER_LOAD_MAX = 1000;
/** As much of a rejected record's value as is kept; the log has the whole, at its position. */
const REJECTED_VALUE_LENGTH_MAX = 1024;

/** A record that could not become a row. */
export interface RejectedRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly value: string | null;
}

/** What the last committed load left, as the database has it. */
export class LoaderState {
  readonly #offsets: ReadonlyMap<string, ReadonlyMap<number, LoadedOffset>>;
  /** Undefined before the first load. */
  readonly asOfMs: number | undefined;

  constructor(offsets: readonly LoadedOffset[], asOfMs: number | undefined) {
    const byTopic = new Map<string, Map<number, LoadedOffset>>();
    for (const offset of offsets) {
      const partitions = byTopic.get(offset.topic);
      if (partitions === undefined) byTopic.set(offset.topic, new Map([[offset.partition, offset]]));
      else partitions.set(offset.partition, offset);
    }
    this.#offsets = byTopic;
    this.asOfMs = asOfMs;
  }

  /** Creates the loader's own schemas and tables where they are missing, and reads them. */
  static async open(session: AppendSession): Promise<LoaderState> {
    await session.run(CREATE);
    return LoaderState.read(session);
  }

  static async read(session: AppendSession): Promise<LoaderState> {
    const rows = await session.rows(
      `select topic, "partition", next_offset, "rows", rejected_rows, expired_records from meta.loaded_offsets`,
    );
    const offsets = rows.map(([topic, partition, nextOffset, loaded, rejected, expired]) => ({
      topic: String(topic),
      partition: Number(partition),
      nextOffset: Number(nextOffset),
      rows: Number(loaded),
      rejectedRows: Number(rejected),
      expiredRecords: Number(expired),
    }));
    const [asOf] = await session.rows('select epoch_ms(as_of) from raw.as_of');
    return new LoaderState(offsets, asOf === undefined ? undefined : Number(asOf[0]));
  }

  offset(topic: string, partition: number): LoadedOffset {
    const nothing = { topic, partition, nextOffset: 0, rows: 0, rejectedRows: 0, expiredRecords: 0 };
    return this.#offsets.get(topic)?.get(partition) ?? nothing;
  }

  /** By topic and partition. */
  offsets(): LoadedOffset[] {
    const offsets = [...this.#offsets.values()].flatMap((partitions) => [...partitions.values()]);
    return offsets.toSorted((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
    );
  }

  /** Rows ever loaded into the topic's table: the last `ingest_seq`. */
  rowsOf(topic: string): number {
    let rows = 0;
    for (const offset of this.#offsets.get(topic)?.values() ?? []) rows += offset.rows;
    return rows;
  }

  /** The state after a load: the partitions that it moved, and its `as_of`. */
  after(moved: readonly LoadedOffset[], asOfMs: number): LoaderState {
    const isMoved = (one: LoadedOffset) =>
      moved.some(({ topic, partition }) => topic === one.topic && partition === one.partition);
    return new LoaderState([...this.offsets().filter((one) => !isMoved(one)), ...moved], asOfMs);
  }

  /** Writes what a load changed, inside its transaction. */
  async write(
    session: AppendSession,
    load: { moved: readonly LoadedOffset[]; asOfMs: number; rejected: readonly RejectedRow[] },
  ): Promise<void> {
    const asOf = `make_timestamp(${load.asOfMs}::bigint * 1000)`;
    const statements: string[] = [];
    if (this.asOfMs === undefined) statements.push(`insert into raw.as_of values (${asOf})`);
    else if (load.asOfMs !== this.asOfMs) statements.push(`update raw.as_of set as_of = ${asOf}`);
    for (const offset of load.moved) statements.push(this.#writeOffset(session, offset));
    if (load.rejected.length > 0) statements.push(...insertRejected(session, load.rejected, asOf));
    if (statements.length > 0) await session.run(statements.join(';'));
  }

  #writeOffset({ dialect }: AppendSession, offset: LoadedOffset): string {
    const { topic, partition, nextOffset, rows, rejectedRows, expiredRecords } = offset;
    const isKnown = this.#offsets.get(topic)?.has(partition) === true;
    if (!isKnown) {
      const values = [dialect.text(topic), partition, nextOffset, rows, rejectedRows, expiredRecords];
      return `insert into meta.loaded_offsets values (${values.join(', ')})`;
    }
    return `update meta.loaded_offsets set next_offset = ${nextOffset}, "rows" = ${rows},
      rejected_rows = ${rejectedRows}, expired_records = ${expiredRecords}
      where topic = ${dialect.text(topic)} and "partition" = ${partition}`;
  }
}

function insertRejected(
  { dialect }: AppendSession,
  rejected: readonly RejectedRow[],
  asOf: string,
): string[] {
  // NUL would end the statement.
  const quote = (text: string) =>
    dialect.text(text.slice(0, REJECTED_VALUE_LENGTH_MAX).replaceAll('\0', '\uFFFD'));
  const values = rejected
    .slice(0, REJECTED_ROWS_PER_LOAD_MAX)
    .map(({ topic, partition, offset, reason, value }) => {
      const shown = value === null ? 'null' : quote(value);
      return `(${dialect.text(topic)}, ${partition}, ${offset}, ${asOf}, ${quote(reason)}, ${shown})`;
    });
  return [
    `insert into meta.rejected_rows values ${values.join(', ')}`,
    `delete from meta.rejected_rows where rowid <= (select max(rowid) from meta.rejected_rows) - ${REJECTED_ROWS_MAX}`,
  ];
}
