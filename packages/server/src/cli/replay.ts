import { messageOf } from '@millrace/core/base';
import { Command } from 'commander';
import { fail } from './errors.ts';
import { KEY_HELP, serverKey, serverOption } from './server-option.ts';

interface ReplayCommandOptions {
  readonly code: string | undefined;
  readonly list: boolean;
  readonly url: string;
}

interface DeadLetterReport {
  readonly total: number;
  readonly byCode: Readonly<Record<string, { readonly count: number; readonly example: string }>>;
}

interface ReplayReport {
  readonly chosen: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly incomplete: number;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description(
      'Take rejected events (dead letters) of a running Millrace again, after their contract was corrected.',
    )
    .option('--code <code>', 'only those rejected for this reason, such as INGEST_UNKNOWN_TYPE')
    .option('--list', 'say what there is, and replay nothing', false)
    .addOption(serverOption())
    .addHelpText('after', KEY_HELP)
    .action(async (options: ReplayCommandOptions) => {
      if (options.list) printLetters(await call<DeadLetterReport>(options, 'GET', '/v1/dead-letters'));
      else printReplay(await call<ReplayReport>(options, 'POST', '/v1/dead-letters/replay'));
    });
}

function printLetters({ total, byCode }: DeadLetterReport): void {
  console.log(`  ${total} dead letters`);
  for (const [code, { count, example }] of Object.entries(byCode))
    console.log(`  ${code}: ${count}, such as: ${example}`);
}

function printReplay({ chosen, accepted, duplicates, rejected, incomplete }: ReplayReport): void {
  const kept = incomplete === 0 ? '' : `, ${incomplete} too large to have been kept whole`;
  console.log(
    `  ${chosen} replayed: ${accepted} accepted, ${duplicates} known already, ${rejected} rejected again${kept}`,
  );
  if (rejected > 0) process.exitCode = 2;
}

async function call<Answer>(
  options: ReplayCommandOptions,
  method: 'GET' | 'POST',
  path: string,
): Promise<Answer> {
  const key = serverKey();
  const response = await fetch(new URL(path, options.url), {
    method,
    headers: {
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...(method === 'POST'
      ? { body: JSON.stringify(options.code === undefined ? {} : { code: options.code }) }
      : {}),
  }).catch((error: unknown) => {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw fail('CLI_SERVER_UNREACHABLE', { message: `${options.url}: ${messageOf(reason)}`, cause: error });
  });
  if (!response.ok) {
    const text = (await response.text()).slice(0, 500);
    throw fail('CLI_SERVER_REFUSED', { message: `${options.url}: ${response.status} ${text}` });
  }
  return (await response.json()) as Answer;
}
