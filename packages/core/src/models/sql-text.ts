/** Names and literals as SQL text. */

/** A table or view by its full name. */
export interface Relation {
  readonly catalog: string;
  readonly schema: string;
  readonly name: string;
}

/** `"name"`, with quotes doubled. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `'text'`, with quotes doubled. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `"catalog"."schema"."name"`. */
export function relationSql(relation: Relation): string {
  return `${quoteName(relation.catalog)}.${quoteName(relation.schema)}.${quoteName(relation.name)}`;
}

/** `schema.name`: how reports and table versions name a relation. */
export function relationKey(relation: Relation): string {
  return `${relation.schema}.${relation.name}`;
}

/** Names are compared without regard to case, as DuckDB does. */
export function sameName(a: string | undefined, b: string): boolean {
  return (a ?? '').toLowerCase() === b.toLowerCase();
}
