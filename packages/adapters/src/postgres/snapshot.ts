import {
  type CapturedTable,
  type ChangeOrigin,
  type KeyedChange,
  parseLsn,
  type PgRelation,
  snapshotChange,
  TRUNCATED,
  type PostgresSource,
} from '@millrace/core/sources';
import type { ChangeWriter } from './change-writer.ts';
import { PgConnection, qualified, quoted, type Row } from './connection.ts';
import { postgresError } from './errors.ts';
import type { CapturePosition } from './position-store.ts';
import { type PublishedTable, publishedTables, TableCatalog } from './table-catalog.ts';

const FETCH_ROWS = 2_000;
const COMMIT_BYTES = 8 << 20;

export interface SnapshotOptions {
  readonly source: PostgresSource;
  readonly database: string;
  readonly writer: ChangeWriter;
  /** Topics may hold rows of an earlier copy: they are emptied first, by a truncation. */
  readonly isAgain: boolean;
}

/**
 * Makes the slot and copies all published tables as they were at its first position; resolves to that
 * position when all of it is durable. Locks of the weakest kind keep the tables' form meanwhile.
 */
export async function copyTables(main: PgConnection, options: SnapshotOptions): Promise<CapturePosition> {
  const { source, writer, isAgain } = options;
  const { slot } = source;
  const known = await publishedTables(main, source.publication);
  for (const { relation } of known) await writer.prepare(relation);
  if (isAgain) await dropSlot(main, slot);
  const begun: CapturePosition = { slot, phase: 'snapshot', lsn: 0n, part: undefined };
  const origin: ChangeOrigin = {
    name: source.name,
    database: options.database,
    snapshot: 'true',
    timeUs: writer.nowUs(),
    xid: null,
    lsn: 0n,
    lastCommitLsn: null,
  };
  if (isAgain) for (const { relation } of known) writer.add(TRUNCATED, relation, origin);
  await writer.commit(begun);

  // The connection that made the slot must stay open, and idle, while its snapshot is read.
  const exporter = await PgConnection.open(source.url, true);
  const reader = await PgConnection.open(source.url);
  try {
    // Locked by whoever reads: behind a change that waits for another session's lock, reading would wait too.
    await reader.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const names = known.map(({ relation }) => nameOf(relation));
    if (names.length > 0) await reader.rows(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`);
    const create = `CREATE_REPLICATION_SLOT ${quoted(slot)} LOGICAL pgoutput (SNAPSHOT 'export')`;
    const [created = []] = await exporter.rows(create);
    await reader.rows(`SET TRANSACTION SNAPSHOT '${created[2]}'`);
    const tables = await publishedTables(reader, source.publication);
    if (formOf(tables) !== formOf(known)) {
      throw postgresError('POSTGRES_UNAVAILABLE', { message: 'The tables changed as their copy began.' });
    }
    const lsn = parseLsn(created[1] ?? '');
    const copy = new TableCopy({ reader, writer, begun, origin: { ...origin, lsn } });
    const catalog = new TableCatalog(main, source.decimals);
    for (const table of tables) await copy.copy(table, await catalog.captured(table.relation));
    copy.finish();
    const position: CapturePosition = { slot, phase: 'stream', lsn, part: undefined };
    await writer.commit(position);
    return position;
  } finally {
    await Promise.all([exporter.close(), reader.close()]);
  }
}

async function dropSlot(main: PgConnection, slot: string): Promise<void> {
  const drop = 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1';
  await main.rows(drop, [slot]);
}

function nameOf({ schema, table }: PgRelation): string {
  return qualified(schema, table);
}

function formOf(tables: readonly PublishedTable[]): string {
  return JSON.stringify(tables);
}

interface TableCopyOptions {
  readonly reader: PgConnection;
  readonly writer: ChangeWriter;
  readonly begun: CapturePosition;
  readonly origin: ChangeOrigin;
}

/** Writes rows one behind what was read, for the last of all is marked. */
class TableCopy {
  readonly #options: TableCopyOptions;
  #held: { readonly change: KeyedChange; readonly relation: PgRelation } | undefined;
  #isFirst = true;

  constructor(options: TableCopyOptions) {
    this.#options = options;
  }

  async copy({ relation, filter, isPartitioned }: PublishedTable, table: CapturedTable): Promise<void> {
    const { reader, writer, begun } = this.#options;
    const columns = relation.columns.map(({ name }) => quoted(name)).join(', ');
    const from = `${isPartitioned ? '' : 'ONLY '}${nameOf(relation)}`;
    const where = filter === null ? '' : ` WHERE ${filter}`;
    await reader.rows(`DECLARE copy NO SCROLL CURSOR FOR SELECT ${columns} FROM ${from}${where}`);
    for (;;) {
      const rows = await reader.rows(`FETCH ${FETCH_ROWS} FROM copy`);
      for (const row of rows) this.#take(row, table);
      if (writer.bytes >= COMMIT_BYTES) await writer.commit(begun);
      if (rows.length === 0) break;
    }
    await reader.rows('CLOSE copy');
  }

  finish(): void {
    this.#release('last');
  }

  #take(row: Row, table: CapturedTable): void {
    this.#release(this.#isFirst ? 'first' : 'true');
    this.#held = { change: snapshotChange(row, table), relation: table.relation };
  }

  #release(snapshot: ChangeOrigin['snapshot']): void {
    if (this.#held === undefined) return;
    const { writer, origin } = this.#options;
    writer.add(this.#held.change, this.#held.relation, { ...origin, snapshot });
    this.#held = undefined;
    this.#isFirst = false;
  }
}
