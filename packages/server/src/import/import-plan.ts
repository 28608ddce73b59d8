import type { DataFileColumn } from '@millrace/adapters/duckdb';
import { MillraceError } from '@millrace/core/base';

/** How the columns of a data file become the fields of an event. */
export interface ImportPlan {
  readonly eventType: string;
  /** Column with the event time; undefined when the file has none: rows then carry the time of the import. */
  readonly timeColumn: string | undefined;
  /** Column with an id that is unique; undefined: the row number is the id. */
  readonly idColumn: string | undefined;
  readonly fields: readonly PlannedField[];
}

export interface PlannedField {
  /** snake_case name in the event. */
  readonly name: string;
  readonly column: DataFileColumn;
  readonly kind: 'integer' | 'number' | 'boolean' | 'timestamp' | 'text';
}

const TIME_NAMES = /^(event_)?(time|timestamp|ts|date|datetime|created_at|occurred_at)$/i;
const RESERVED = new Set(['event_id', 'event_type', 'event_timestamp']);
const FIELDS_MAX = 200;

/** Reads off the columns what an event needs; explicit names win. `IMPORT_BAD_PLAN` names what does not fit. */
export function planImport(
  columns: readonly DataFileColumn[],
  choice: { eventType: string; timeColumn?: string | undefined; idColumn?: string | undefined },
): ImportPlan {
  if (columns.length > FIELDS_MAX) throw badPlan(`The file has ${columns.length} columns; at most ${FIELDS_MAX} can become fields.`);
  const timeColumn = choice.timeColumn ?? guessTimeColumn(columns);
  for (const wanted of [choice.timeColumn, choice.idColumn]) {
    if (wanted !== undefined && !columns.some((column) => column.name === wanted)) {
      throw badPlan(`The file has no column ${wanted}; it has ${columns.map((column) => column.name).join(', ')}.`);
    }
  }
  const names = new Set<string>();
  const fields = columns
    .filter((column) => column.name !== timeColumn && column.name !== choice.idColumn)
    .map((column) => ({ name: uniqueName(column.name, names), column, kind: kindOf(column.type) }));
  return { eventType: choice.eventType, timeColumn, idColumn: choice.idColumn, fields };
}

function guessTimeColumn(columns: readonly DataFileColumn[]): string | undefined {
  const times = columns.filter((column) => kindOf(column.type) === 'timestamp');
  return (times.find((column) => TIME_NAMES.test(column.name)) ?? times[0])?.name;
}

/** `Order Total (€)` → `order_total`. */
export function snakeCase(text: string): string {
  const words = text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  return /^[a-z]/.test(words) ? words : `field_${words || 'unnamed'}`;
}

function uniqueName(column: string, taken: Set<string>): string {
  const base = snakeCase(column);
  const first = RESERVED.has(base) ? `${base}_of_row` : base;
  let name = first;
  for (let n = 2; taken.has(name); n++) name = `${first}_${n}`;
  taken.add(name);
  return name;
}

function kindOf(type: string): PlannedField['kind'] {
  if (/^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/.test(type)) return 'integer';
  if (/^(DOUBLE|FLOAT|DECIMAL|HUGEINT|UBIGINT)/.test(type)) return 'number';
  if (type === 'BOOLEAN') return 'boolean';
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'timestamp';
  return 'text';
}

function badPlan(message: string): MillraceError {
  return new MillraceError(
    'IMPORT_BAD_PLAN',
    { kind: 'config', cause: message, remedy: 'Name other columns with --time and --id, or change the file.' },
    { message },
  );
}
