import { isMillraceError, messageOf } from '@millrace/core/base';
import pg, { type Client } from 'pg';
import { postgresError } from './errors.ts';

export type Row = readonly (string | null)[];

// Whatever the server or the role has set: values are read in these forms.
const FORMS = [
  'datestyle=ISO',
  'intervalstyle=postgres',
  'timezone=UTC',
  'extra_float_digits=1',
  'bytea_output=hex',
  'statement_timeout=0',
  // A slot can wait for a transaction that waits for the lock of a copy: then the copy begins again.
  'lock_timeout=10s',
  'idle_in_transaction_session_timeout=0',
];
const asText = { getTypeParser: () => (text: string) => text };

/** A connection whose values are the server's own text. */
export class PgConnection {
  readonly client: Client;

  private constructor(client: Client) {
    this.client = client;
  }

  /** `POSTGRES_UNAVAILABLE` or `POSTGRES_REFUSED` when it does not come about. */
  static async open(url: string, replication = false): Promise<PgConnection> {
    const client = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: 15_000,
      application_name: 'millrace',
      options: FORMS.map((form) => `-c ${form}`).join(' '),
      ...(replication ? { replication: 'database' as const } : {}),
    });
    // What fails shows in the statement that waits; without a listener it would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      throw translated(error);
    }
    return new PgConnection(client);
  }

  async rows(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    try {
      const query = { text, rowMode: 'array' as const, types: asText };
      const { rows } = await this.client.query(values === undefined ? query : { ...query, values });
      return rows as Row[];
    } catch (error) {
      throw translated(error);
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

/** An identifier as SQL quotes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A table's full name as SQL quotes it. */
export function qualified(schema: string, table: string): string {
  return `${quoted(schema)}.${quoted(table)}`;
}

/** The server's code, such as `42501`; undefined for what is no answer of a server. */
export function sqlState(error: unknown): string | undefined {
  const source = isMillraceError(error) ? error.cause : error;
  const code = (source as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The error of ours: lost connections and waits for locks pass, what the server refuses does not. */
export function translated(error: unknown): Error {
  if (isMillraceError(error)) return error;
  const state = sqlState(error);
  const passes = state === undefined || /^(08|53|57|40|55006|55P03)/.test(state);
  return postgresError(passes ? 'POSTGRES_UNAVAILABLE' : 'POSTGRES_REFUSED', {
    message: `Postgres: ${messageOf(error)}`,
    cause: error,
  });
}
