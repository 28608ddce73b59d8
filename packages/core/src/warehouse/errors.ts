import { errorsOf, type ErrorDefinition } from '../base/index.ts';

/** What can go wrong with the warehouse, whatever engine is behind it. */
export const WAREHOUSE_ERRORS = {
  WAREHOUSE_FILE_IN_USE: {
    kind: 'config',
    cause: 'Another process has the database file open.',
    remedy: 'Stop the process that the message names, or choose another data folder with --data.',
  },
  WAREHOUSE_ALREADY_OPEN: {
    kind: 'config',
    cause: 'This process has the database file open already; a second opener would lose rows.',
    remedy: 'Ask the warehouse that is open, by message, instead of opening the file again.',
  },
  WAREHOUSE_FILE_CORRUPT: {
    kind: 'config',
    cause: 'The database file or its write-ahead log is damaged.',
    remedy:
      'Restore both from a backup, or move them away: what the log still holds (retention) is loaded again from its beginning.',
  },
  WAREHOUSE_FILE_UNREADABLE: {
    kind: 'config',
    cause: 'The database file cannot be opened.',
    remedy: 'Check that the folder exists on a writable disk and belongs to the user that runs Millrace.',
  },
  WAREHOUSE_FILE_TOO_NEW: {
    kind: 'config',
    cause: 'The database file was written by a newer version of the engine.',
    remedy: 'Run the Millrace version that wrote it, or a newer one.',
  },
  WAREHOUSE_MANIFEST_UNREADABLE: {
    kind: 'config',
    cause: 'The compiled dbt manifest cannot be read.',
    remedy: 'Compile the models with `millrace compile`, or correct the path in the project.',
  },
  WAREHOUSE_SCHEMA_CONFLICT: {
    kind: 'config',
    cause: 'A column of a raw table has another type than its event contract.',
    remedy: 'Give the field its former type, or a new name; the stored rows keep the old one.',
  },
  WAREHOUSE_UNKNOWN_TOPIC: {
    kind: 'config',
    cause: 'Records of a topic were to be loaded that has no table.',
    remedy: 'Define an event contract for the topic, or take it out of the loaded topics.',
  },
  WAREHOUSE_RECORDS_MISSING: {
    kind: 'fatal',
    cause: 'Records between the loaded ones and those to be loaded were not handed over.',
    remedy: 'Check the log with `millrace doctor`; nothing was loaded, so nothing was skipped.',
  },
  WAREHOUSE_AHEAD_OF_LOG: {
    kind: 'config',
    cause: 'The warehouse has loaded more of a partition than the log holds: they do not belong together.',
    remedy:
      'Restore log and warehouse from the same backup, or move the warehouse folder away to load it anew.',
  },
  WAREHOUSE_REFRESH_FAILED: {
    kind: 'transient',
    cause: 'A model could not be refreshed; the load was rolled back and nothing was lost.',
    remedy: 'Correct the model that the message names and compile it; loading goes on by itself.',
  },
  WAREHOUSE_DISK_FULL: {
    kind: 'transient',
    cause: 'The disk of the database file is full.',
    remedy: 'Free space; loading goes on by itself, from where it was.',
  },
  WAREHOUSE_OUT_OF_MEMORY: {
    kind: 'transient',
    cause: 'The warehouse reached its memory limit.',
    remedy: 'Raise warehouse.memoryBytesMax, or make the query or model touch less.',
  },
  WAREHOUSE_INVALIDATED: {
    kind: 'transient',
    cause: 'The engine gave up its state after a failed write; the database is opened again.',
    remedy: 'Nothing to do; when it stays, the cause in the message says which file could not be written.',
  },
  WAREHOUSE_BUSY: {
    kind: 'transient',
    cause: 'Too many queries are waiting.',
    remedy: 'Ask again later, or ask less at once.',
  },
  WAREHOUSE_QUERY_INVALID: {
    kind: 'input',
    cause: 'The engine refused the query.',
    remedy: 'Correct the SQL as the message says.',
  },
  WAREHOUSE_QUERY_WRITES: {
    kind: 'input',
    cause: 'Only statements that read are answered.',
    remedy: 'Send one SELECT; rows are changed by events and models.',
  },
  WAREHOUSE_QUERY_MULTIPLE: {
    kind: 'input',
    cause: 'The text holds several statements.',
    remedy: 'Send one statement; a PIVOT without listed values counts as two, so list them with IN (…).',
  },
  WAREHOUSE_QUERY_TIMEOUT: {
    kind: 'transient',
    cause: 'The query took longer than its time limit.',
    remedy: 'Read a mart instead of history, narrow the range, or raise timeoutMs.',
  },
  WAREHOUSE_TOO_MANY_ROWS: {
    kind: 'input',
    cause: 'The result has more rows than the query allows.',
    remedy: 'Aggregate, add a LIMIT, or raise rowsMax.',
  },
  WAREHOUSE_STATEMENT_FAILED: {
    kind: 'fatal',
    cause: 'A statement of the loader failed.',
    remedy: 'The message says what the engine found; the log keeps the records until it is settled.',
  },
  WAREHOUSE_THREAD_DIED: {
    kind: 'fatal',
    cause: 'The thread that owns the database ended unexpectedly.',
    remedy: 'Start Millrace again: nothing accepted is lost. The cause belongs into a bug report.',
  },
  WAREHOUSE_CLOSED: {
    kind: 'aborted',
    cause: 'The warehouse was closed.',
    remedy: 'Nothing to do: the process is stopping.',
  },
} as const satisfies Readonly<Record<string, ErrorDefinition>>;

/** Makes a `MillraceError` of the table; adapters use it too, at their edge. */
export const warehouseError = errorsOf(WAREHOUSE_ERRORS);
