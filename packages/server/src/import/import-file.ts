import { quoteName, quoteText, type DataFile } from '@millrace/adapters/duckdb';
import type { ImportPlan, PlannedField } from './import-plan.ts';

export interface ImportOptions {
  readonly file: DataFile;
  readonly plan: ImportPlan;
  /** Base address of the server, such as `http://127.0.0.1:4400`. */
  readonly url: string;
  readonly key: string | undefined;
  /** Rows that were sent before. */
  readonly fromRow: number;
  readonly signal: AbortSignal;
  /** After each answered request: rows sent so far, those before `fromRow` included. */
  readonly onProgress: (rows: number) => Promise<void> | void;
}

export interface ImportSummary {
  readonly rows: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** The first reasons why rows were rejected. */
  readonly complaints: readonly string[];
}

const BATCH_ROWS = 4000;
const BATCH_BYTES_MAX = 8 << 20;
const COMPLAINTS_MAX = 5;

/**
 * Sends a data file's rows as events through the HTTP API, in the file's order. A row's id is its own column or
 * its number, so that sending it again is harmless.
 */
export async function importFile(options: ImportOptions): Promise<ImportSummary> {
  const { file, plan } = options;
  const door = new Door(options);
  let row = options.fromRow;
  for await (const batch of file.jsonRows({ fields: fieldsOf(plan), fromRow: row, batchRows: BATCH_ROWS })) {
    const lines = plan.idColumn === undefined ? batch.map((json, index) => withId(json, row + index)) : batch;
    row += batch.length;
    await door.send(lines);
    await options.onProgress(row);
  }
  return { rows: row, ...door.answered };
}

/** The ids that `importFile` gives when no column holds one: the row's number in the file, from 0. */
function withId(json: string, row: number): string {
  return `{"event_id":"row-${row}",${json.slice(1)}`;
}

function fieldsOf(plan: ImportPlan): Record<string, string> {
  const fields: Record<string, string> = {};
  if (plan.idColumn !== undefined) fields['event_id'] = `${quoteName(plan.idColumn)}::varchar`;
  fields['event_type'] = quoteText(plan.eventType);
  fields['event_timestamp'] =
    plan.timeColumn === undefined ? isoOf('now()::timestamp') : isoOf(`${quoteName(plan.timeColumn)}::timestamp`);
  for (const field of plan.fields) fields[field.name] = expressionOf(field);
  return fields;
}

function expressionOf({ kind, column }: PlannedField): string {
  const name = quoteName(column.name);
  if (kind === 'timestamp') return isoOf(`${name}::timestamp`);
  if (kind === 'number') return `${name}::double`;
  return kind === 'text' ? `${name}::varchar` : name;
}

function isoOf(timestamp: string): string {
  return `strftime(${timestamp}, '%Y-%m-%dT%H:%M:%S.%gZ')`;
}

class Door {
  readonly answered = { accepted: 0, duplicates: 0, rejected: 0, complaints: [] as string[] };
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #signal: AbortSignal;

  constructor({ url, key, signal }: ImportOptions) {
    this.#url = new URL('/v1/events', url).href;
    this.#headers = { 'content-type': 'application/x-ndjson', 'x-source': 'import' };
    if (key !== undefined) this.#headers['authorization'] = `Bearer ${key}`;
    this.#signal = signal;
  }

  async send(lines: readonly string[]): Promise<void> {
    let first = 0;
    let bytes = 0;
    for (let next = 0; next < lines.length; next++) {
      const length = (lines[next] as string).length * 2;
      if (bytes + length > BATCH_BYTES_MAX && next > first) {
        await this.#post(lines.slice(first, next).join('\n'));
        first = next;
        bytes = 0;
      }
      bytes += length;
    }
    await this.#post(lines.slice(first).join('\n'));
  }

  async #post(body: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#request(body);
      if (response !== undefined && (response.status === 202 || response.status === 422)) {
        this.#count((await response.json()) as IngestReply);
        return;
      }
      const isBusy = response === undefined || response.status === 429 || response.status >= 500;
      const text = (await response?.text()) ?? '';
      if (!isBusy) throw new Error(`The server refused the events: ${response.status} ${text.slice(0, 500)}`);
      await pause(Number(response?.headers.get('retry-after') ?? 0) * 1000 || backoffMs(attempt), this.#signal);
    }
  }

  /** Undefined when the server cannot be reached now. */
  async #request(body: string): Promise<Response | undefined> {
    try {
      return await fetch(this.#url, { method: 'POST', headers: this.#headers, body, signal: this.#signal });
    } catch (error) {
      if (this.#signal.aborted || !(error instanceof TypeError)) throw error;
      return undefined;
    }
  }

  #count(reply: IngestReply): void {
    this.answered.accepted += reply.accepted;
    this.answered.duplicates += reply.duplicates;
    this.answered.rejected += reply.rejected.length;
    for (const { code, message } of reply.rejected) {
      if (this.answered.complaints.length < COMPLAINTS_MAX) this.answered.complaints.push(`${code}: ${message}`);
    }
  }
}

interface IngestReply {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly code: string; readonly message: string }[];
}

function backoffMs(attempt: number): number {
  return Math.min(5000, 100 * 2 ** Math.min(attempt, 6));
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, durationMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
