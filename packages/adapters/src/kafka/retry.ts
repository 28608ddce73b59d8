import { type Clock, sleep } from '@millrace/core/base';
import type { BrokerPool } from './broker-pool.ts';
import { classify, kafkaError } from './errors.ts';

export interface RetryOptions {
  readonly pool: BrokerPool;
  readonly clock: Clock;
  readonly retryMsMax: number;
  /** Stands in the error, such as `read events 0`. */
  readonly what: string;
}

const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_000;
const SOON_MS = 4;

/**
 * Does it again after failures that pass: with new metadata when a leader, a coordinator or a connection was
 * lost. `KAFKA_UNAVAILABLE` when the time is over, `KAFKA_FENCED`, `KAFKA_REFUSED`; what is no answer of a
 * broker is thrown as it is.
 */
export async function retrying<Result>(
  options: RetryOptions,
  operation: () => Promise<Result>,
): Promise<Result> {
  const { pool, clock, retryMsMax, what } = options;
  const deadlineMs = clock.monotonicMs() + retryMsMax;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    try {
      return await operation();
    } catch (error) {
      const { kind, name, message } = classify(error);
      if (kind === 'broken') throw error;
      const details = { what, answer: name };
      if (kind === 'fenced') throw kafkaError('KAFKA_FENCED', { cause: error, details });
      if (kind === 'refused') {
        throw kafkaError('KAFKA_REFUSED', { message: `Kafka: ${what}: ${message}`, cause: error, details });
      }
      if (clock.monotonicMs() > deadlineMs) {
        throw kafkaError('KAFKA_UNAVAILABLE', {
          message: `Kafka: ${what}: ${message}`,
          cause: error,
          details,
          retryAfterMs: PAUSE_MS_MAX,
        });
      }
      if (kind === 'soon') {
        await sleep(clock, SOON_MS);
        pauseMs = PAUSE_MS_MIN;
      } else {
        await sleep(clock, pauseMs);
        // Whoever is asked next says what is wrong.
        await pool.refresh().catch(() => {});
      }
    }
  }
}
