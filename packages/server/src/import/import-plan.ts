import { basename } from 'node:path';
import type { DataFileColumn } from '@millrace/adapters/duckdb';
import { fail } from './errors.ts';

/** How the columns of a data file become the fields of an event. */
export interface ImportPlan {
  readonly eventType: string;
  /**
   * Where the event time comes from; undefined when the file has none: rows then carry the time of the
   * import.
   */
  readonly time: TimeColumn | undefined;
  /** Column with an id that is unique; undefined: the row's number is part of the id. */
  readonly idColumn: string | undefined;
  readonly fields: readonly PlannedField[];
}

export interface TimeColumn {
  readonly name: string;
  /** A time as such, or a whole number of seconds, milli-, micro- or nanoseconds since 1970. */
  readonly unit: 'time' | 's' | 'ms' | 'us' | 'ns';
}

export interface PlannedField {
  /** snake_case name in the event. */
  readonly name: string;
  readonly column: DataFileColumn;
  readonly kind: FieldKind;
}

/** `json` is what has parts of its own: it travels as JSON text. */
export type FieldKind = 'integer' | 'number' | 'boolean' | 'timestamp' | 'date' | 'text' | 'json';

const TIME_NAMES =
  /^(event_?)?(time|times?tamp|ts|date|date_?time|created(_?at)?|occurred(_?at)?|started_?at)$/i;
/** Fields that every event has, and columns that loading adds. */
const RESERVED = new Set([
  'event_id',
  'event_type',
  'event_timestamp',
  'ingest_seq',
  'received_at',
  'log_partition',
  'log_offset',
]);
const FIELDS_MAX = 200;
/** Of names of events and fields. */
const NAME_LENGTH_MAX = 63;
/** 1973 to 2286: numbers outside are no times. */
const EPOCH_SECONDS = { min: 1e8, max: 1e10 };
const EPOCH_UNITS = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;

/**
 * Reads off the columns what an event needs; explicit names win. `IMPORT_BAD_PLAN` names what does not fit.
 */
export function planImport(
  columns: readonly DataFileColumn[],
  choice: { eventType: string; timeColumn?: string | undefined; idColumn?: string | undefined },
): ImportPlan {
  if (columns.length > FIELDS_MAX) {
    const message = `The file has ${columns.length} columns; at most ${FIELDS_MAX} can become fields.`;
    throw fail('IMPORT_BAD_PLAN', { message });
  }
  const idColumn = choice.idColumn === undefined ? undefined : columnNamed(columns, choice.idColumn).name;
  const time = choice.timeColumn === undefined ? guessTime(columns) : chosenTime(columns, choice.timeColumn);
  const names = new Set<string>(RESERVED);
  const fields = columns
    .filter((column) => column.name !== time?.name && column.name !== idColumn)
    .map((column) => ({ name: fieldName(column.name, names), column, kind: kindOf(column) }));
  return { eventType: choice.eventType, time, idColumn, fields };
}

/** The event type for a file: `2024 Orders.csv.gz` → `event_2024_orders`. */
export function eventTypeOf(path: string): string {
  const name = snakeCase(
    basename(path)
      .replace(/\.gz$/i, '')
      .replace(/\.[^.]*$/, ''),
    'event',
  );
  // It is the topic's name as well, and that one is taken.
  return name === 'dead_letters' ? 'event_dead_letters' : name;
}

/** `Order Total (€)` → `order_total`; `first` leads names that do not begin with a letter. */
export function snakeCase(text: string, first: string): string {
  const words = text
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  const name = /^[a-z]/.test(words) ? words : words === '' ? first : `${first}_${words}`;
  return name.slice(0, NAME_LENGTH_MAX);
}

function columnNamed(columns: readonly DataFileColumn[], name: string): DataFileColumn {
  const column = columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  const names = columns.map((candidate) => candidate.name).join(', ');
  throw fail('IMPORT_BAD_PLAN', { message: `The file has no column ${name}; it has ${names}.` });
}

function chosenTime(columns: readonly DataFileColumn[], name: string): TimeColumn {
  const column = columnNamed(columns, name);
  const unit = timeUnitOf(column);
  if (unit !== undefined) return { name, unit };
  const message = `Column ${name} is ${column.type.toLowerCase()} and holds no times that can be told.`;
  throw fail('IMPORT_BAD_PLAN', { message });
}

/** Times before numbers that may be times, usual names before others; numbers count by their name only. */
function guessTime(columns: readonly DataFileColumn[]): TimeColumn | undefined {
  const times = columns.filter((column) => timeUnitOf(column) === 'time');
  const named = [...times, ...columns].find(
    (column) =>
      TIME_NAMES.test(column.name.trim().replaceAll(/[ -]/g, '_')) && timeUnitOf(column) !== undefined,
  );
  const column = named ?? times[0];
  const unit = column && timeUnitOf(column);
  return column && unit && { name: column.name, unit };
}

function timeUnitOf(column: DataFileColumn): TimeColumn['unit'] | undefined {
  const kind = kindOf(column);
  if (kind === 'timestamp' || kind === 'date') return 'time';
  const { range } = column;
  if (range === undefined) return undefined;
  const { min, max } = EPOCH_SECONDS;
  const units = Object.keys(EPOCH_UNITS) as (keyof typeof EPOCH_UNITS)[];
  return units.find((unit) => range.min >= min * EPOCH_UNITS[unit] && range.max <= max * EPOCH_UNITS[unit]);
}

function fieldName(column: string, taken: Set<string>): string {
  const base = snakeCase(column, 'field');
  let name = base;
  for (let n = 2; taken.has(name); n++) {
    const suffix = `_${n}`;
    name = base.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix;
  }
  taken.add(name);
  return name;
}

function kindOf({ type, range }: DataFileColumn): FieldKind {
  if (/\[|^(STRUCT|MAP|UNION|JSON)/.test(type)) return 'json';
  if (/^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$|^DECIMAL\(\d+,0\)$/.test(type)) {
    // JSON numbers beyond 2^53 lose digits; such numbers are names more often than amounts.
    const isSafe =
      range === undefined || (Number.isSafeInteger(range.min) && Number.isSafeInteger(range.max));
    return isSafe ? 'integer' : 'text';
  }
  if (/^(DOUBLE|FLOAT|DECIMAL)/.test(type)) return 'number';
  if (type === 'BOOLEAN') return 'boolean';
  if (type.startsWith('TIMESTAMP')) return 'timestamp';
  return type === 'DATE' ? 'date' : 'text';
}
