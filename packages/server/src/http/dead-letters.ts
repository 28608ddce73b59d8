import type { DeadLetter, Ingest } from '@millrace/core/ingest';
import type { FastifyInstance } from 'fastify';

export interface DeadLetterRoutesOptions {
  readonly ingest: Ingest;
}

const NEWEST_MAX = 100;
const VALUE_CHARACTERS_MAX = 2000;

/**
 * `GET /v1/dead-letters`: how many there are by code, and the newest ones. `POST /v1/dead-letters/replay`
 * with
 * `{code?}` takes them again and says what became of them.
 */
export async function deadLetterRoutes(
  app: FastifyInstance,
  { ingest }: DeadLetterRoutesOptions,
): Promise<void> {
  app.get('/v1/dead-letters', async () => {
    const byCode: Record<string, { count: number; example: string }> = {};
    const newest: DeadLetter[] = [];
    let total = 0;
    for await (const letter of ingest.deadLetters()) {
      total++;
      const group = (byCode[letter.code] ??= { count: 0, example: letter.message });
      group.count++;
      newest.push(letter);
      if (newest.length > NEWEST_MAX) newest.shift();
    }
    return { total, byCode, newest: newest.toReversed().map(described) };
  });

  app.post<{ Body: unknown }>('/v1/dead-letters/replay', async (request) => {
    const { code } = (request.body ?? {}) as { code?: unknown };
    const filter = (letter: DeadLetter) => code === undefined || letter.code === code;
    return ingest.replayDeadLetters({ filter });
  });
}

function described(letter: DeadLetter): Record<string, unknown> {
  const { application, code, message, receivedAtMs, isWhole } = letter;
  const value = Buffer.from(letter.value).toString().slice(0, VALUE_CHARACTERS_MAX);
  return { application, code, message, receivedAtMs, isWhole, value };
}
