/**
 * Puts other relations in the place of a model's parents, in the parse tree and never by pattern.
 *
 * Replacing `schema.table` needs three edits: the table reference, an alias of the old name when there was
 * none (so that `table.column` stays valid), and qualified columns (`schema.table.column` loses its
 * qualifier).
 */
import type { SqlSession } from '../warehouse/index.ts';
import { sameName, type Relation } from './sql-text.ts';
import { parseSelect, printSelect, walk, type SyntaxNode, type Unparsed } from './syntax-tree.ts';

/**
 * A table that is read elsewhere. `to` is the name of a common table expression that the caller puts in
 * front.
 */
export interface Replacement {
  readonly from: Relation;
  readonly to: string;
}

export interface Rebound {
  readonly sql: string;
  /** How often each replacement was made, in the order given; at least once each. */
  readonly counts: readonly number[];
}

/**
 * The SQL with each `from` read as `to`, or why that cannot be done: it has no parse tree, a parent is not
 * named in it (a reference hidden in a macro gives no error), or printing would change what it means.
 */
export async function rebind(
  session: SqlSession,
  sql: string,
  replacements: readonly Replacement[],
): Promise<Rebound | Unparsed> {
  const tree = await parseSelect(session, sql);
  if ('unparsed' in tree) return tree as Unparsed;
  const counts = replaceTables(tree, replacements);
  const absent = replacements.find((_, index) => counts[index] === 0);
  if (absent !== undefined) return { unparsed: `it does not name ${nameOf(absent.from)}` };
  const text = await printSelect(session, tree);
  if (typeof text !== 'string') return text;
  const left = await tablesOf(session, text);
  for (const { from } of replacements) {
    if (left.some((table) => refersTo(table, from))) return { unparsed: `it still reads ${nameOf(from)}` };
  }
  return { sql: text, counts };
}

/** The tables that a query names, common table expressions included. */
export async function tablesOf(session: SqlSession, sql: string): Promise<SyntaxNode[]> {
  const tree = await parseSelect(session, sql);
  const tables: SyntaxNode[] = [];
  if (!('unparsed' in tree)) {
    walk(tree, (node) => {
      if (node.type === 'BASE_TABLE') tables.push(node);
    });
  }
  return tables;
}

/** True when a table node names the relation: schema and name, and the catalog where one is written. */
export function refersTo(node: SyntaxNode, relation: Relation): boolean {
  return (
    sameName(node.table_name, relation.name) &&
    sameName(node.schema_name, relation.schema) &&
    (!node.catalog_name || sameName(node.catalog_name, relation.catalog))
  );
}

function replaceTables(tree: SyntaxNode, replacements: readonly Replacement[]): number[] {
  const counts = replacements.map(() => 0);
  walk(tree, (node) => {
    if (node.type === 'BASE_TABLE') {
      const index = replacements.findIndex(({ from }) => refersTo(node, from));
      const replacement = replacements[index];
      if (replacement === undefined) return;
      node.alias ||= node.table_name ?? '';
      node.catalog_name = '';
      node.schema_name = '';
      node.table_name = replacement.to;
      counts[index] = (counts[index] ?? 0) + 1;
    } else if (node.class === 'COLUMN_REF') {
      node.column_names = withoutSchema(node.column_names ?? [], replacements);
    }
  });
  return counts;
}

function withoutSchema(path: string[], replacements: readonly Replacement[]): string[] {
  for (const { from } of replacements) {
    if (path.length >= 4 && sameName(path[0], from.catalog) && sameName(path[1], from.schema)) {
      if (sameName(path[2], from.name)) return path.slice(2);
    }
    if (path.length >= 3 && sameName(path[0], from.schema) && sameName(path[1], from.name))
      return path.slice(1);
  }
  return path;
}

function nameOf(relation: Relation): string {
  return `${relation.schema}.${relation.name}`;
}
