import type { AppendColumn, Dialect } from '@millrace/core/warehouse';

/** A SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A SQL text literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** How DuckDB writes names and types. Its catalogue spells types as they are declared, in upper case. */
export const duckdbDialect: Dialect = {
  name: quoteName,
  text: quoteText,
  type: (type: AppendColumn['type']) => type.toUpperCase(),
};
