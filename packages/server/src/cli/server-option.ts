import { InvalidArgumentError, Option } from 'commander';

/** `--url`: the running server that a command speaks to. */
export function serverOption(): Option {
  return new Option('--url <url>', 'where Millrace listens')
    .env('MILLRACE_URL')
    .default('http://127.0.0.1:4400')
    .argParser(parseUrl);
}

/** The key that a command sends, where keys are set. */
export function serverKey(): string | undefined {
  return process.env['MILLRACE_KEY'];
}

export const KEY_HELP = '\nWhere keys are set, give one in MILLRACE_KEY.';

function parseUrl(text: string): string {
  if (!URL.canParse(text))
    throw new InvalidArgumentError('This is no address such as http://127.0.0.1:4400.');
  return text;
}
