import { fromErrorMessage, toErrorMessage, type ErrorMessage } from './error-message.ts';
import { warehouseError } from './errors.ts';
import type { QueryOptions, SqlResult } from './port.ts';

/** One question, from any thread to the one that owns the data. */
export interface QueryMessage {
  /** Chosen by the asker, unique on the port. */
  readonly id: number;
  readonly sql: string;
  readonly options?: QueryOptions;
}

/** The answer to the question with the same `id`. */
export type QueryReply =
  | { readonly id: number; readonly result: SqlResult }
  | { readonly id: number; readonly error: ErrorMessage };

/** What is used of a `MessagePort` of `node:worker_threads`. */
export interface QueryPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  close(): void;
}

export type QueryExecutor = (sql: string, options: QueryOptions) => Promise<SqlResult>;

/** Answers the questions that arrive on the port until it is closed; an error becomes a reply. */
export function serveQueries(port: QueryPort, execute: QueryExecutor): void {
  let isOpen = true;
  port.on('close', () => {
    isOpen = false;
  });
  const answer = async ({ id, sql, options }: QueryMessage): Promise<void> => {
    let reply: QueryReply;
    try {
      reply = { id, result: await execute(sql, options ?? {}) };
    } catch (error) {
      reply = { id, error: toErrorMessage(error) };
    }
    if (isOpen) port.postMessage(reply);
  };
  port.on('message', (message) => {
    void answer(message as QueryMessage);
  });
}

interface Pending {
  readonly resolve: (result: SqlResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The asking end. Questions may overlap; answers come in any order. When the port closes, at either end,
 * every question without an answer and every later one is rejected with `WAREHOUSE_CLOSED`.
 */
export class QueryClient {
  readonly #port: QueryPort;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isClosed = false;

  constructor(port: QueryPort) {
    this.#port = port;
    port.on('message', (message) => {
      this.#settle(message as QueryReply);
    });
    port.on('close', () => {
      this.#end();
    });
  }

  /** Errors are those of `Warehouse.query`. */
  query(sql: string, options: QueryOptions = {}): Promise<SqlResult> {
    if (this.#isClosed) return Promise.reject(warehouseError('WAREHOUSE_CLOSED'));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve, reject });
      this.#port.postMessage({ id, sql, options } satisfies QueryMessage);
    });
  }

  close(): void {
    this.#port.close();
    this.#end();
  }

  #settle(reply: QueryReply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    if ('error' in reply) pending.reject(fromErrorMessage(reply.error));
    else pending.resolve(reply.result);
  }

  #end(): void {
    this.#isClosed = true;
    for (const { reject } of this.#pending.values()) reject(warehouseError('WAREHOUSE_CLOSED'));
    this.#pending.clear();
  }
}
