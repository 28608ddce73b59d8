import { isMillraceError, messageOf } from '../base/index.ts';
import type { RecordHeader } from '../log/index.ts';
import type { InputRecords } from './input-batch.ts';

/** Where records go that a topology could not process, beside the events that ingest refused. */
export const DEAD_LETTERS_TOPIC = 'dead_letters';

const MESSAGE_CHARACTERS_MAX = 1000;

/** What a letter says about its record. */
export interface DeadLetterOrigin {
  readonly application: string;
  readonly operator: string;
  readonly topic: string;
  readonly partition: number;
  readonly nowMs: number;
}

/**
 * Headers of a letter: `code` and `message` of the failure, `received_at`, `bytes`, as on the letters of
 * ingest, and
 * `application`, `operator`, `topic`, `partition`, `offset`, which only letters of streams have. Key and
 * value are the raw record's.
 */
export function deadLetterHeaders(
  error: unknown,
  origin: DeadLetterOrigin,
  place: { readonly input: InputRecords; readonly index: number },
): readonly RecordHeader[] {
  const { input, index } = place;
  const code = isMillraceError(error) ? error.code : 'STREAMS_USER_FUNCTION_FAILED';
  const fields: Readonly<Record<string, string>> = {
    code,
    message: messageOf(error).slice(0, MESSAGE_CHARACTERS_MAX),
    received_at: String(origin.nowMs),
    bytes: String(input.valueBytes(index)?.length ?? 0),
    application: origin.application,
    operator: origin.operator,
    topic: origin.topic,
    partition: String(origin.partition),
    offset: String(input.offset(index)),
  };
  const headers = Object.entries(fields).map(([key, text]) => ({ key, value: Buffer.from(text) }));
  return [...input.headers(index), ...headers];
}
