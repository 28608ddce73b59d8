import { assert, type Clock, type MillraceError } from '../base/index.ts';
import { decodeBatches, type RecordBatch } from '../log/index.ts';
import type { AppendSession, TableAppender } from './append-session.ts';
import { warehouseError } from './errors.ts';
import type { LoaderState, RejectedRow } from './loader-state.ts';
import type { LoadedOffset, LoadPart, LoadReceipt } from './port.ts';
import type { RawTable } from './raw-table.ts';
import { RowBuilder } from './row-builder.ts';
import type { RawChange } from './session.ts';

/** Rows that are collected before they are appended: DuckDB's own vector size. */
const CHUNK_ROWS = 2048;
const REPLAYED = 'replayed';

interface Target {
  readonly table: RawTable;
  readonly rows: RowBuilder;
  appender: TableAppender | undefined;
}

/** One load on its way: decodes parts into the temporary tables of new rows and counts what it does. */
export class Load {
  readonly rejected: RejectedRow[] = [];
  readonly ages: { createdAtMs: number; count: number }[] = [];
  rows = 0;
  replayedRows = 0;
  decodeMs = 0;
  appendMs = 0;
  readonly #session: AppendSession;
  readonly #tables: ReadonlyMap<string, RawTable>;
  readonly #state: LoaderState;
  readonly #clock: Clock;
  readonly #targets = new Map<string, Target>();
  readonly #moved = new Map<string, LoadedOffset>();

  constructor(options: {
    session: AppendSession;
    tables: ReadonlyMap<string, RawTable>;
    state: LoaderState;
    clock: Clock;
  }) {
    this.#session = options.session;
    this.#tables = options.tables;
    this.#state = options.state;
    this.#clock = options.clock;
  }

  /** Partitions that the load moves. */
  moved(): LoadedOffset[] {
    return [...this.#moved.values()];
  }

  /** Takes the records of a part that are not loaded yet. */
  async take(part: LoadPart): Promise<void> {
    const key = `${part.partition} ${part.topic}`;
    const loaded = this.#moved.get(key) ?? this.#state.offset(part.topic, part.partition);
    const target = await this.#target(part.topic);
    const progress = { ...loaded };
    for (const bytes of part.batches) {
      for (const batch of decodeBatches(bytes)) {
        const from = Math.max(part.fromOffset, progress.nextOffset);
        if (batch.lastOffset < from) continue;
        if (batch.baseOffset > from) throw gap(part, from, batch.baseOffset);
        // The caller says that the log has nothing below `fromOffset` that is not loaded.
        progress.expiredRecords += from - progress.nextOffset;
        await this.#takeBatch({ batch, from, target, progress });
        progress.nextOffset = batch.lastOffset + 1;
      }
    }
    if (progress.nextOffset > loaded.nextOffset) this.#moved.set(key, progress);
  }

  /** Appends what is left and makes the new rows readable; then moves them into their raw tables. */
  async finish(): Promise<RawChange[]> {
    const changes: RawChange[] = [];
    for (const target of this.#targets.values()) {
      await this.#flush(target);
      this.#timeAppend(() => target.appender?.close());
      if (target.appender === undefined) continue;
      const { relation, newRows, schema } = target.table;
      const startedMs = this.#clock.monotonicMs();
      const { dialect } = this.#session;
      await this.#session.run(
        `insert into raw.${dialect.name(schema.table)} select * from temp.main.${dialect.name(newRows)}`,
      );
      this.appendMs += this.#clock.monotonicMs() - startedMs;
      changes.push({ table: relation.slice('raw.'.length), newRows: `temp.main.${newRows}` });
    }
    for (const { rows, rejectedRows, expiredRecords, nextOffset } of this.#moved.values()) {
      assert(
        rows + rejectedRows + expiredRecords === nextOffset,
        'every offset must be a row, rejected or expired',
      );
    }
    return changes;
  }

  /** Lets go of what a failed load holds. */
  abandon(): void {
    for (const { appender } of this.#targets.values()) appender?.close();
  }

  receipt(): Pick<LoadReceipt, 'rows' | 'rejectedRows' | 'loaded' | 'createdAtMs' | 'replayedRows'> {
    const { rows, replayedRows, ages: createdAtMs } = this;
    return { rows, rejectedRows: this.rejected.length, loaded: this.moved(), createdAtMs, replayedRows };
  }

  async #target(topic: string): Promise<Target> {
    const known = this.#targets.get(topic);
    if (known !== undefined) return known;
    const table = this.#tables.get(topic);
    if (table === undefined) {
      const message = `Topic '${topic}' has no raw table.`;
      throw warehouseError('WAREHOUSE_UNKNOWN_TOPIC', { message, details: { topic } });
    }
    await this.#session.run(table.emptyNewRows);
    const rows = new RowBuilder(table, this.#state.rowsOf(topic) + 1);
    const target: Target = { table, rows, appender: undefined };
    this.#targets.set(topic, target);
    return target;
  }

  async #takeBatch(work: {
    batch: RecordBatch;
    from: number;
    target: Target;
    progress: { -readonly [Key in keyof LoadedOffset]: LoadedOffset[Key] };
  }): Promise<void> {
    const { batch, from, target, progress } = work;
    const { bytes, baseOffset, createdAtMs } = batch;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const origin = { partition: progress.partition, receivedAtMs: createdAtMs, offset: 0 };
    const cursor = batch.cursor();
    let startedMs = this.#clock.monotonicMs();
    let records = 0;
    let fresh = 0;
    while (cursor.next()) {
      origin.offset = baseOffset + cursor.offsetDelta;
      if (origin.offset < from) continue;
      records++;
      const value = cursor.valueStart < 0 ? null : text.toString('utf8', cursor.valueStart, cursor.valueEnd);
      const reason = value === null ? 'the record has no value' : target.rows.add(value, origin);
      if (reason !== undefined) {
        this.rejected.push({
          topic: progress.topic,
          partition: progress.partition,
          offset: origin.offset,
          reason,
          value,
        });
        progress.rejectedRows++;
        continue;
      }
      progress.rows++;
      this.rows++;
      if (cursor.headerCount > 0 && isReplayed(cursor.headers())) this.replayedRows++;
      else fresh++;
      if (target.rows.rowCount < CHUNK_ROWS) continue;
      this.decodeMs += this.#clock.monotonicMs() - startedMs;
      await this.#flush(target);
      startedMs = this.#clock.monotonicMs();
    }
    this.decodeMs += this.#clock.monotonicMs() - startedMs;
    progress.expiredRecords += batch.lastOffset + 1 - from - records;
    this.#countAge(createdAtMs, fresh);
  }

  #countAge(createdAtMs: number, count: number): void {
    if (count === 0) return;
    const last = this.ages.at(-1);
    if (last?.createdAtMs === createdAtMs) last.count += count;
    else this.ages.push({ createdAtMs, count });
  }

  async #flush(target: Target): Promise<void> {
    const { table, rows } = target;
    if (rows.rowCount === 0) return;
    target.appender ??= await this.#session.openAppender(table.newRows, table.columns);
    const { appender } = target;
    this.#timeAppend(() => appender.append(rows.columns, rows.rowCount));
    rows.clear();
  }

  #timeAppend(work: () => void): void {
    const startedMs = this.#clock.monotonicMs();
    work();
    this.appendMs += this.#clock.monotonicMs() - startedMs;
  }
}

function gap({ topic, partition }: LoadPart, expected: number, found: number): MillraceError {
  const message = `Records ${expected} to ${found - 1} of ${topic}/${partition} were not handed over.`;
  return warehouseError('WAREHOUSE_RECORDS_MISSING', {
    message,
    details: { topic, partition, expected, found },
  });
}

function isReplayed(headers: readonly { readonly key: string }[]): boolean {
  return headers.some(({ key }) => key === REPLAYED);
}
