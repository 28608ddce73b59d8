import type { Column, TableSchema } from '../contract/index.ts';
import type { AppendColumn, AppendSession, Dialect } from './append-session.ts';
import { columnEncoder, type ColumnEncoder } from './column-encoder.ts';
import { warehouseError } from './errors.ts';

/** What the loader adds to each row, after the event's own columns. */
export const SYSTEM_COLUMNS = [
  { name: 'ingest_seq', type: 'bigint' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'log_partition', type: 'integer' },
  { name: 'log_offset', type: 'bigint' },
] as const satisfies readonly AppendColumn[];

/** A column of the event and how to fill it; `at` is its place in the table. */
export interface FieldColumn {
  readonly at: number;
  readonly name: string;
  readonly type: string;
  readonly encode: ColumnEncoder;
  /** Id and time of the event: a row without them would be lost to every model. */
  readonly isRequired: boolean;
}

/** A raw table as it is in the database now. */
export interface RawTable {
  readonly schema: TableSchema;
  /** `raw.raw_events`: its name in versions and receipts. */
  readonly relation: string;
  /** All columns in the table's order, those included that no contract names any more. */
  readonly columns: readonly AppendColumn[];
  readonly fields: readonly FieldColumn[];
  readonly sequenceAt: number;
  readonly receivedAtAt: number;
  readonly partitionAt: number;
  readonly offsetAt: number;
  /** Temporary table that holds a load's rows: `temp.main.<newRows>`. */
  readonly newRows: string;
  /** Makes that table anew: its former rows are freed, which deleting them would not do. */
  readonly emptyNewRows: string;
}

/** A column as the engine's catalogue has it. */
interface StoredColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * Creates the table or adds the columns that it lacks, and returns what it is then. `isChanged` says whether
 * the database was changed. `WAREHOUSE_SCHEMA_CONFLICT` when a column has another type.
 */
export async function defineRawTable(
  session: AppendSession,
  schema: TableSchema,
): Promise<{ table: RawTable; isChanged: boolean }> {
  const wanted: AppendColumn[] = [...schema.columns, ...SYSTEM_COLUMNS];
  refuseTwice(schema, wanted);
  const present = await describeTable(session, schema.table);
  const missing = wanted.filter((column) => !present.has(column.name.toLowerCase()));
  for (const column of wanted) refuseOtherType(session, schema, { column, present });
  await session.run(definition(session, schema, { present, missing, wanted }));
  const stored = [...(await describeTable(session, schema.table)).values()];
  return { table: rawTable(session.dialect, schema, stored), isChanged: missing.length > 0 };
}

/** By lower-case name, in the table's order. */
type Present = ReadonlyMap<string, StoredColumn>;

/** Empty when there is no such table. */
async function describeTable(session: AppendSession, table: string): Promise<Present> {
  const rows = await session.rows(
    `select column_name, data_type from information_schema.columns
     where table_catalog = current_database() and table_schema = 'raw' and table_name = ?
     order by ordinal_position`,
    [table],
  );
  return new Map(
    rows.map(([name, type]) => [String(name).toLowerCase(), { name: String(name), type: String(type) }]),
  );
}

function definition(
  { dialect }: AppendSession,
  schema: TableSchema,
  columns: { present: Present; missing: readonly AppendColumn[]; wanted: readonly AppendColumn[] },
): string {
  const table = `raw.${dialect.name(schema.table)}`;
  const declare = ({ name, type }: AppendColumn) => `${dialect.name(name)} ${dialect.type(type)}`;
  if (columns.present.size === 0) return `create table ${table} (${columns.wanted.map(declare).join(', ')})`;
  return columns.missing.map((column) => `alter table ${table} add column ${declare(column)}`).join(';');
}

function refuseTwice(schema: TableSchema, wanted: readonly AppendColumn[]): void {
  const seen = new Set<string>();
  for (const { name } of wanted) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) {
      const message = `Table raw.${schema.table}: the name of column '${name}' is taken; names differ by more than case.`;
      throw warehouseError('WAREHOUSE_SCHEMA_CONFLICT', {
        message,
        details: { table: schema.table, column: name },
      });
    }
    seen.add(lower);
  }
}

function refuseOtherType(
  { dialect }: AppendSession,
  schema: TableSchema,
  { column, present }: { column: AppendColumn; present: Present },
): void {
  const stored = present.get(column.name.toLowerCase())?.type;
  const declared = dialect.type(column.type);
  if (stored === undefined || stored === declared) return;
  throw warehouseError('WAREHOUSE_SCHEMA_CONFLICT', {
    message: `Table raw.${schema.table}: column '${column.name}' is ${stored}, and the contract makes it ${declared}.`,
    details: { table: schema.table, column: column.name, stored, declared },
  });
}

function rawTable(dialect: Dialect, schema: TableSchema, stored: readonly StoredColumn[]): RawTable {
  const declared = new Map<string, Column>(
    schema.columns.map((column) => [column.name.toLowerCase(), column]),
  );
  const system = new Map<string, AppendColumn>(SYSTEM_COLUMNS.map((column) => [column.name, column]));
  const columns: AppendColumn[] = [];
  const fields: FieldColumn[] = [];
  stored.forEach(({ name }, at) => {
    const column = declared.get(name.toLowerCase());
    // Nothing but null is written into a column that no contract names any more: its type does not matter.
    columns.push(column ?? system.get(name) ?? { name, type: 'varchar' });
    if (column === undefined) return;
    const isRequired = column.name === schema.idColumn || column.name === schema.timeColumn;
    fields.push({ at, name: column.name, type: column.type, encode: columnEncoder(column.type), isRequired });
  });
  const placeOf = (name: string) => stored.findIndex((column) => column.name === name);
  const newRows = `new_${schema.table}`;
  const declarations = stored.map(({ name, type }) => `${dialect.name(name)} ${type}`).join(', ');
  return {
    schema,
    relation: `raw.${schema.table}`,
    columns,
    fields,
    sequenceAt: placeOf('ingest_seq'),
    receivedAtAt: placeOf('received_at'),
    partitionAt: placeOf('log_partition'),
    offsetAt: placeOf('log_offset'),
    newRows,
    emptyNewRows: `create or replace temp table ${dialect.name(newRows)} (${declarations})`,
  };
}
