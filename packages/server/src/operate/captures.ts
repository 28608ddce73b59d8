import { type Logger, messageOf } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import type { PostgresSource } from '@millrace/core/sources';
import { systemClock } from './system-clock.ts';

export interface CapturesOptions {
  readonly sources: readonly PostgresSource[];
  readonly log: EventLog;
  readonly logger: Logger;
  /** Called when a source cannot go on without somebody's help. */
  readonly onFailure: (error: Error) => void;
}

/** Follows the databases of a project until it is closed. */
export function startCaptures({ sources, log, logger, onFailure }: CapturesOptions): {
  close(): Promise<void>;
} {
  const stop = new AbortController();
  const running = sources.map(async (source) => {
    try {
      // Its client is loaded where there is something to follow.
      const { capturePostgres } = await import('@millrace/adapters/postgres');
      await capturePostgres({ source, log, clock: systemClock, logger }, stop.signal);
    } catch (error) {
      onFailure(error instanceof Error ? error : new Error(messageOf(error)));
    }
  });
  return {
    async close() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
