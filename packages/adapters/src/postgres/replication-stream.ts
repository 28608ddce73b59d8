import { formatLsn, POSTGRES_EPOCH_US } from '@millrace/core/sources';
import { PgConnection, quoted, translated } from './connection.ts';
import { postgresError } from './errors.ts';

/** What the server sends: a message of the plugin, or its position while there is none. */
export type StreamItem =
  | { readonly kind: 'data'; readonly lsn: bigint; readonly bytes: Buffer }
  | { readonly kind: 'keepalive'; readonly endLsn: bigint };

export interface StreamOptions {
  readonly slot: string;
  readonly publication: string;
  readonly from: bigint;
  readonly nowUs: () => bigint;
}

const ITEMS_MAX = 20_000;
const FEEDBACK_EVERY_MS = 5_000;

/**
 * Logical replication with our own feedback: the server hears a position as flushed only when `confirm` was
 * called with it, and exactly that position.
 */
export class ReplicationStream {
  readonly #connection: PgConnection;
  readonly #options: StreamOptions;
  readonly #items: StreamItem[] = [];
  #wake: (() => void) | undefined;
  #error: Error | undefined;
  #isPaused = false;
  #received: bigint;
  #confirmed: bigint;
  readonly #timer: NodeJS.Timeout;

  private constructor(connection: PgConnection, options: StreamOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#received = options.from;
    this.#confirmed = options.from;
    this.#timer = setInterval(() => this.#sendFeedback(), FEEDBACK_EVERY_MS);
  }

  /** Starts after `from`; rejects while another process holds the slot (SQL state 55006). */
  static async open(url: string, options: StreamOptions): Promise<ReplicationStream> {
    const connection = await PgConnection.open(url, true);
    const stream = new ReplicationStream(connection, options);
    try {
      await stream.#start();
    } catch (error) {
      await stream.close();
      throw error;
    }
    return stream;
  }

  async #start(): Promise<void> {
    const { client } = this.#connection;
    const { slot, publication, from } = this.#options;
    const names = quoted(publication).replaceAll("'", "''");
    const started = new Promise<void>((resolve) => {
      client.connection.once('replicationStart', () => resolve());
    });
    client.connection.on('copyData', ({ chunk }: { chunk: Buffer }) => this.#take(chunk));
    client.on('end', () => this.#fail(postgresError('POSTGRES_UNAVAILABLE')));
    const running = this.#connection
      .rows(
        `START_REPLICATION SLOT ${quoted(slot)} LOGICAL ${formatLsn(from)} ` +
          `(proto_version '1', publication_names '${names}')`,
      )
      .then(() => this.#fail(postgresError('POSTGRES_UNAVAILABLE')));
    running.catch((error: unknown) => this.#fail(translated(error)));
    await Promise.race([started, running]);
  }

  /** What has arrived: at least one item. Rejects when the connection has ended. */
  async next(): Promise<StreamItem[]> {
    while (this.#items.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#connection.client.connection.stream.resume();
    }
    return this.#items.splice(0);
  }

  /** Everything up to `lsn` is durable here: the server may forget it. */
  confirm(lsn: bigint): void {
    if (lsn <= this.#confirmed) return;
    this.#confirmed = lsn;
    this.#sendFeedback();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#fail(postgresError('POSTGRES_UNAVAILABLE'));
    // An orderly end would wait until the server has sent all it has.
    this.#connection.client.connection.stream.destroy();
    await Promise.race([this.#connection.close(), new Promise((resolve) => setTimeout(resolve, 200))]);
  }

  #take(chunk: Buffer): void {
    if (chunk[0] === 0x77) {
      const lsn = chunk.readBigUInt64BE(1);
      const endLsn = chunk.readBigUInt64BE(9);
      if (endLsn > this.#received) this.#received = endLsn;
      // pg reads the next chunk into the same memory.
      this.#items.push({ kind: 'data', lsn, bytes: Buffer.from(chunk.subarray(25)) });
    } else if (chunk[0] === 0x6b) {
      const endLsn = chunk.readBigUInt64BE(1);
      if (endLsn > this.#received) this.#received = endLsn;
      this.#items.push({ kind: 'keepalive', endLsn });
      if (chunk[17] === 1) this.#sendFeedback();
    }
    if (this.#items.length >= ITEMS_MAX && !this.#isPaused) {
      this.#isPaused = true;
      this.#connection.client.connection.stream.pause();
    }
    this.#wake?.();
  }

  #sendFeedback(): void {
    if (this.#error !== undefined) return;
    const message = Buffer.alloc(34);
    message[0] = 0x72;
    message.writeBigUInt64BE(this.#received, 1);
    message.writeBigUInt64BE(this.#confirmed, 9);
    message.writeBigUInt64BE(this.#confirmed, 17);
    message.writeBigInt64BE(this.#options.nowUs() - POSTGRES_EPOCH_US, 25);
    this.#connection.client.connection.sendCopyFromChunk(message);
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }
}
