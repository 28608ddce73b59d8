import { expressionText, walk, type SyntaxNode } from './syntax-tree.ts';

/** What a relation or query gives to the query around it. */
export interface Outputs {
  /** True when rows that change are in it; false for what never changes. */
  readonly isKeyed: boolean;
  /** The expressions over its columns that carry a key, by `expressionText`. */
  readonly carriers: ReadonlyMap<string, Carrier>;
  /** No two of its rows have the same keys. */
  readonly isUnique: boolean;
  /** Its columns in order, lower case; undefined when they are not known. */
  readonly names: readonly string[] | undefined;
}

export interface Carrier {
  /** Which key: its place in the grain; or `PASSENGER`. */
  readonly key: number;
  /** The columns that the expression uses, lower case. */
  readonly columns: readonly string[];
}

/** No key, but a column that is followed all the same, to know whether it comes through unchanged. */
export const PASSENGER = -1;

/** A table of a FROM clause under its name in the query, lower case. */
export interface ScopedTable extends Outputs {
  readonly name: string;
}

/** Thrown while following keys; the message is the reason. */
export class Unproven extends Error {}

/** The carrier text of a plain column. */
export function columnText(name: string): string {
  return expressionText(columnNode(name));
}

export function columnNode(name: string): SyntaxNode {
  return { class: 'COLUMN_REF', type: 'COLUMN_REF', column_names: [name] };
}

/** The columns that an expression uses, lower case. */
export function columnsOf(expression: SyntaxNode): string[] {
  const columns = new Set<string>();
  walk(expression, (node) => {
    const name = node.class === 'COLUMN_REF' ? node.column_names?.at(-1) : undefined;
    if (name !== undefined) columns.add(name.toLowerCase());
  });
  return [...columns];
}

/** The key that an expression carries; its columns must all belong to the table whose expression it is. */
export function carriedKey(expression: SyntaxNode, tables: readonly ScopedTable[]): number | undefined {
  const text = expressionText(expression);
  for (const table of tables) {
    const carrier = table.carriers.get(text);
    if (carrier === undefined || carrier.key === PASSENGER) continue;
    if (isQualifiedBy(expression, table.name)) return carrier.key;
  }
  return undefined;
}

function isQualifiedBy(expression: SyntaxNode, table: string): boolean {
  let isOwn = true;
  walk(expression, (node) => {
    if (node.class !== 'COLUMN_REF') return;
    const qualifier = node.column_names?.at(-2)?.toLowerCase();
    if (qualifier !== undefined && qualifier !== table) isOwn = false;
  });
  return isOwn;
}
