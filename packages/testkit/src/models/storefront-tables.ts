import type { Column, ColumnType, TableSchema } from '@millrace/core/contract';

/** The raw tables that the storefront's contracts give, for tests that do not load a project. */
export const storefrontTables: readonly TableSchema[] = [
  table('events', {
    event_id: 'varchar',
    event_type: 'varchar',
    event_timestamp: 'timestamp',
    user_id: 'varchar',
    session_id: 'varchar',
    page: 'varchar',
    query: 'varchar',
    country: 'varchar',
    email: 'varchar',
    product_id: 'varchar',
    category: 'varchar',
    price: 'double',
    quantity: 'bigint',
    order_id: 'varchar',
    amount: 'double',
    currency: 'varchar',
    reason: 'varchar',
  }),
  table('page_pings', {
    event_id: 'varchar',
    event_type: 'varchar',
    event_timestamp: 'timestamp',
    page: 'varchar',
    load_ms: 'double',
    demo: 'json',
  }),
];

function table(topic: string, types: Readonly<Record<string, ColumnType>>): TableSchema {
  const columns: Column[] = Object.entries(types).map(([name, type]) => ({
    name,
    type,
    personal: name === 'email',
  }));
  return { topic, table: `raw_${topic}`, columns, idColumn: 'event_id', timeColumn: 'event_timestamp' };
}

/** Statements that create the loader's tables, empty; `as_of` has its one row when a time is given. */
export function createRawTables(tables: readonly TableSchema[], asOf?: string): string {
  const system = 'ingest_seq bigint, received_at timestamp, log_partition integer, log_offset bigint';
  const statements = tables.map(
    ({ table: name, columns }) =>
      `create table raw.${name} (${columns.map((column) => `"${column.name}" ${column.type}`).join(', ')}, ${system})`,
  );
  const first = ['create schema raw', 'create table raw.as_of (as_of timestamp)', ...statements];
  return [
    ...first,
    ...(asOf === undefined ? [] : [`insert into raw.as_of values (timestamp '${asOf}')`]),
  ].join(';\n');
}
