import { createHash } from 'node:crypto';
import type { DataFile } from '@millrace/adapters/duckdb';
import { EventSender, type EventSenderOptions, type SenderTotals } from './event-sender.ts';
import type { ImportPlan } from './import-plan.ts';
import { rowFields } from './row-fields.ts';

export interface ImportOptions extends EventSenderOptions {
  readonly file: DataFile;
  readonly plan: ImportPlan;
  /** Name of the file without its folder: part of the ids where no column holds them. */
  readonly fileName: string;
  /** Rows that were sent before. */
  readonly fromRow: number;
  /** After each answered request: rows sent so far, those before `fromRow` included. */
  readonly onProgress: (rows: number) => Promise<void> | void;
}

export interface ImportSummary extends Readonly<SenderTotals> {
  /** Rows sent, those before `fromRow` included. */
  readonly rows: number;
}

const BATCH_ROWS = 4_000;

/**
 * Sends a data file's rows as events through the HTTP API, in the file's order. A row's id is its own
 * column, or made from the file's name, its first row and the row's number: sending the file again is
 * harmless, also when it has grown, and another file of the same name has other ids. `IMPORT_REFUSED`,
 * `IMPORT_UNREACHABLE`, `DATA_FILE_UNREADABLE`.
 */
export async function importFile(options: ImportOptions): Promise<ImportSummary> {
  const { file, plan, fromRow } = options;
  const sender = new EventSender(options);
  const prefix = plan.idColumn === undefined ? await idPrefix(options) : undefined;
  let row = fromRow;
  const batches = file.jsonRows({ fields: rowFields(plan), fromRow, batchRows: BATCH_ROWS });
  // While the server works on one batch, the next is read.
  let next = batches.next();
  for (;;) {
    const batch = await next;
    if (batch.done === true) break;
    next = batches.next();
    next.catch(() => {});
    await sender.send(prefix === undefined ? batch.value : withIds(batch.value, prefix, row));
    row += batch.value.length;
    await options.onProgress(row);
  }
  return { rows: row, ...sender.totals };
}

async function idPrefix({ file, fileName }: ImportOptions): Promise<string> {
  const [first] = await file.query('select to_json(file)::varchar from file limit 1');
  return createHash('sha256')
    .update(`${fileName}\n${String(first?.[0])}`)
    .digest('hex')
    .slice(0, 12);
}

function withIds(batch: readonly string[], prefix: string, firstRow: number): string[] {
  return batch.map((json, index) => `{"event_id":"${prefix}-${firstRow + index}",${json.slice(1)}`);
}
