import type { MessagePort } from 'node:worker_threads';
import { BaseDriver } from '@cubejs-backend/base-driver';
import { QueryClient, type SqlResult, type SqlValue } from '@millrace/core/warehouse';
import { fail } from './errors.ts';

/** A row by column name, as Cube takes it: numbers are text, times ISO text. */
export type Row = Readonly<Record<string, SqlValue>>;

export interface WarehouseAnswer {
  readonly rows: readonly Row[];
  /** `as_of` of the rows' snapshot. */
  readonly asOfMs: number | undefined;
}

const waitingMax = 1_000;
const rowsMax = 50_000;

/** Cube's way to the data: asks the thread that owns the warehouse, at most `queriesMax` at a time. */
export class WarehouseDriver extends BaseDriver {
  readonly #client: QueryClient;
  readonly #queriesMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(port: MessagePort, queriesMax: number) {
    super();
    this.#client = new QueryClient(port);
    this.#queriesMax = queriesMax;
  }

  /** Throws `CUBE_BUSY`, and what the warehouse throws. */
  async answer(sql: string, params: readonly SqlValue[]): Promise<WarehouseAnswer> {
    const result = await this.ask(sql, params);
    return { rows: rowsOf(result), asOfMs: result.asOfMs };
  }

  async ask(sql: string, params: readonly SqlValue[]): Promise<SqlResult> {
    await this.#enter();
    try {
      return await this.#client.query(sql, { params, rowsMax });
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  override async testConnection(): Promise<void> {
    await this.ask('select 1', []);
  }

  override async query<R = unknown>(sql: string, values: unknown[] = []): Promise<R[]> {
    const { rows } = await this.answer(sql, values as SqlValue[]);
    return rows as R[];
  }

  override readOnly(): boolean {
    return true;
  }

  override async release(): Promise<void> {
    this.#client.close();
  }

  async #enter(): Promise<void> {
    if (this.#running >= this.#queriesMax) {
      if (this.#waiting.length >= waitingMax) throw fail('CUBE_BUSY', { retryAfterMs: 1_000 });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
  }
}

/**
 * By columns → by rows, with the value forms of Cube's own DuckDB driver, so that clients see no difference.
 */
export function rowsOf({ names, types, columns }: SqlResult): Row[] {
  const count = columns[0]?.length ?? 0;
  const rows: Record<string, SqlValue>[] = [];
  for (let row = 0; row < count; row++) rows.push({});
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string;
    const column = columns[index] as readonly SqlValue[];
    const text = textOf(types[index] as string);
    for (let row = 0; row < count; row++) {
      const value = column[row] as SqlValue;
      (rows[row] as Record<string, SqlValue>)[name] = value === null ? null : text(value);
    }
  }
  return rows;
}

function textOf(type: string): (value: string | number | boolean) => SqlValue {
  if (type === 'BOOLEAN' || type === 'VARCHAR') return (value) => value;
  if (type.startsWith('DECIMAL')) return decimalText;
  if (type === 'DATE') return (value) => `${value}T00:00:00.000Z`;
  if (type.startsWith('TIMESTAMP')) return timestampText;
  return String;
}

/** `1.2500` is `1.25`. */
function decimalText(value: string | number | boolean): string {
  const text = String(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const timestamp = /^(\d{4,6}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?/;

/** ISO with milliseconds and `Z`. */
function timestampText(value: string | number | boolean): string {
  const match = timestamp.exec(String(value));
  if (match === null) return String(value);
  const [, day, time, fraction = ''] = match;
  return `${day}T${time}.${`${fraction}000`.slice(0, 3)}Z`;
}
