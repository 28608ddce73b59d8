import {
  errorsOf,
  isMillraceError,
  messageOf,
  type ErrorDefinition,
  type MillraceError,
} from '@millrace/core/base';
import { warehouseError, type WAREHOUSE_ERRORS } from '@millrace/core/warehouse';

/** What can be wrong with a data file. */
export const DATA_FILE_ERRORS = {
  DATA_FILE_UNREADABLE: {
    kind: 'config',
    cause: 'The data file cannot be read.',
    remedy:
      'Give the path of a readable .csv, .tsv, .ndjson, .jsonl (or one of these with .gz) or .parquet file.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const dataFileError = errorsOf(DATA_FILE_ERRORS);

type Code = keyof typeof WAREHOUSE_ERRORS;

/** Where an engine error came up: it decides what an error is that says nothing more particular. */
export type Situation =
  | { readonly doing: 'open'; readonly file: string }
  | { readonly doing: 'statement'; readonly file: string }
  | { readonly doing: 'query'; readonly file: string };

const DEFAULT_CODES: Readonly<Record<Situation['doing'], Code>> = {
  open: 'WAREHOUSE_FILE_UNREADABLE',
  statement: 'WAREHOUSE_STATEMENT_FAILED',
  query: 'WAREHOUSE_QUERY_INVALID',
};

/** DuckDB gives text only, led by its error class. The first pattern that fits counts. */
const PATTERNS: readonly (readonly [RegExp, Code])[] = [
  [/No space left on device|disk quota exceeded|File too large|not enough space/i, 'WAREHOUSE_DISK_FULL'],
  [/has been invalidated|^FATAL Error/i, 'WAREHOUSE_INVALIDATED'],
  [/Could not set lock on file|being used by another process/i, 'WAREHOUSE_FILE_IN_USE'],
  [/version number \d+, but we can only read/i, 'WAREHOUSE_FILE_TOO_NEW'],
  [
    /not a valid DuckDB database|Corrupt (database|WAL)|Failure while replaying WAL/i,
    'WAREHOUSE_FILE_CORRUPT',
  ],
  [/checksum|Could not read enough bytes/i, 'WAREHOUSE_FILE_CORRUPT'],
  [/^Out of Memory Error/i, 'WAREHOUSE_OUT_OF_MEMORY'],
  [/^INTERRUPT Error/i, 'WAREHOUSE_QUERY_TIMEOUT'],
  // What cannot be written is the disk's matter and may pass.
  [/^IO Error: .*(write|truncate|sync|create)/i, 'WAREHOUSE_DISK_FULL'],
];

/** After these DuckDB refuses everything, or its state is not known: the file has to be opened again. */
const REOPEN = /has been invalidated|^FATAL Error|Failed to commit/i;

/** True when only opening the file again helps. */
export function needsReopening(error: unknown): boolean {
  return isMillraceError(error) && error.details['needsReopening'] === true;
}

/** The one place where DuckDB's errors become ours. The message names the file where one was in use. */
export function translate(error: unknown, situation: Situation): MillraceError {
  if (isMillraceError(error)) return error;
  const text = messageOf(error);
  // Names of files must not decide.
  const words = text.replaceAll(/"[^"]*"/g, '""');
  const code = PATTERNS.find(([pattern]) => pattern.test(words))?.[1] ?? DEFAULT_CODES[situation.doing];
  const isAboutFile =
    situation.doing === 'open' || code === 'WAREHOUSE_DISK_FULL' || code === 'WAREHOUSE_INVALIDATED';
  const message = isAboutFile ? `${situation.file}: ${firstLines(text)}` : firstLines(text);
  const details = { file: situation.file, ...(REOPEN.test(text) ? { needsReopening: true } : {}) };
  return warehouseError(code, { message, details, cause: error });
}

/** DuckDB appends advice about settings that our users cannot set. */
function firstLines(text: string): string {
  return text.split(/\n\s*\nPossible solutions|\. See also https:/)[0]!.trim();
}
