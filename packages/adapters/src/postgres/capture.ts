import { type Clock, isMillraceError, type Logger, messageOf, sleep } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import type { PostgresSource } from '@millrace/core/sources';
import { ChangeWriter } from './change-writer.ts';
import { PgConnection, sqlState } from './connection.ts';
import { postgresError, slotTaken } from './errors.ts';
import { type CapturePosition, PositionStore } from './position-store.ts';
import { preflight } from './preflight.ts';
import { ReplicationStream } from './replication-stream.ts';
import { copyTables } from './snapshot.ts';
import { TableCatalog } from './table-catalog.ts';
import { TransactionReader } from './transaction-reader.ts';

export interface PostgresCaptureOptions {
  readonly source: PostgresSource;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A transaction above this becomes visible in parts, each stored once. Default 32 MiB. */
  readonly transactionBytesMax?: number;
}

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 15_000;
const TRANSACTION_BYTES_MAX = 32 << 20;

/**
 * Copies the published tables into the log and follows their changes until `signal` aborts, then resolves.
 * Each change is in the log once, whole transactions together, also after `kill -9` at any moment. Goes on
 * by itself after `POSTGRES_UNAVAILABLE`; rejects with `POSTGRES_NOT_READY`, `POSTGRES_REFUSED`,
 * `POSTGRES_SLOT_TAKEN`, `POSTGRES_SLOT_LOST`, or with a failure of the log.
 */
export async function capturePostgres(options: PostgresCaptureOptions, signal: AbortSignal): Promise<void> {
  const { source, clock, logger } = options;
  let delayMs = RETRY_MIN_MS;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      await session(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isMillraceError(error) || error.kind !== 'transient') throw error;
      logger.warn(`Capture of ${source.name} waits: ${messageOf(error)}`);
      if (clock.monotonicMs() - startedMs > RETRY_MAX_MS) delayMs = RETRY_MIN_MS;
      await sleep(clock, delayMs, signal);
      delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
    }
  }
}

/** One connection's life. */
async function session(options: PostgresCaptureOptions, signal: AbortSignal): Promise<void> {
  const { source, log, clock } = options;
  const main = await PgConnection.open(source.url);
  let stream: ReplicationStream | undefined;
  const stop = (): void => void stream?.close();
  signal.addEventListener('abort', stop);
  try {
    await preflight(main, source);
    const positions = new PositionStore(log, clock, source.name);
    const writer = new ChangeWriter({ log, clock, positions, source: source.name });
    const [names = []] = await main.rows('SELECT current_database()');
    const database = names[0] ?? '';
    const position = await startOf(main, { source, positions, writer, database });
    stream = await openStream(source, position, writer);
    const reader = new TransactionReader({
      source,
      database,
      writer,
      position,
      catalog: new TableCatalog(main, source.decimals),
      transactionBytesMax: options.transactionBytesMax ?? TRANSACTION_BYTES_MAX,
    });
    while (!signal.aborted) {
      for (const item of await stream.next()) await reader.take(item);
      stream.confirm(await reader.flush());
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all([stream?.close(), main.close()]);
  }
}

interface StartOptions {
  readonly source: PostgresSource;
  readonly positions: PositionStore;
  readonly writer: ChangeWriter;
  readonly database: string;
}

/** Where to stream from: the stored position, else that of a new copy of the tables. */
async function startOf(main: PgConnection, options: StartOptions): Promise<CapturePosition> {
  const { source, positions } = options;
  const stored = await positions.read();
  if (stored?.phase === 'stream' && stored.slot === source.slot) return stored;
  if (stored?.slot !== source.slot) {
    // A slot that nobody here has made may be what another reader lives on.
    const exists = 'SELECT 1 FROM pg_replication_slots WHERE slot_name = $1';
    if ((await main.rows(exists, [source.slot])).length > 0) throw slotTaken(source.slot);
  }
  return copyTables(main, { ...options, isAgain: stored !== undefined });
}

async function openStream(
  { url, slot, publication }: PostgresSource,
  { lsn }: CapturePosition,
  writer: ChangeWriter,
): Promise<ReplicationStream> {
  try {
    return await ReplicationStream.open(url, { slot, publication, from: lsn, nowUs: () => writer.nowUs() });
  } catch (error) {
    const state = sqlState(error);
    if (state !== '42704' && state !== '55000') throw error;
    throw postgresError('POSTGRES_SLOT_LOST', { message: `Postgres: ${messageOf(error)}`, cause: error });
  }
}
