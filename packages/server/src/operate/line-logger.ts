import { isMillraceError, type Logger } from '@millrace/core/base';

type Level = 'debug' | 'info' | 'warn' | 'error';

const RANKS: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One line an entry on standard error: time, level, message, fields. Levels below `lowest` are left out. */
export function lineLogger(lowest: Level): Logger {
  const at = (level: Level) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (RANKS[level] < RANKS[lowest]) return;
    const rest = fields === undefined ? '' : ` ${JSON.stringify(fields, plain)}`;
    process.stderr.write(`${new Date().toISOString()} ${level} ${message}${rest}\n`);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function plain(_key: string, value: unknown): unknown {
  if (isMillraceError(value)) return { code: value.code, message: value.message, ...value.details };
  return value instanceof Error ? value.stack : value;
}
