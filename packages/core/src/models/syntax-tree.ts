/**
 * SQL as DuckDB's own parser sees it: text → tree (`json_serialize_sql`) → text (`json_deserialize_sql`).
 *
 * The tree is JSON with two traps: `query_location` holds 18446744073709551615 and constants such as `1000.0`
 * lose their form as JavaScript numbers, so numbers stay raw (`JSON.rawJSON`). And printing loses the type of
 * constants (`1e3` comes back as a decimal), so a printed tree is parsed again and compared.
 */
import type { SqlSession } from '../warehouse/index.ts';
import { quoteText } from './sql-text.ts';

/** A node of the tree. The names are DuckDB's; those that this room looks at are typed. */
export interface SyntaxNode {
  type?: string;
  class?: string;
  alias?: string;
  catalog_name?: string;
  schema_name?: string;
  table_name?: string;
  column_names?: string[];
  function_name?: string;
  [key: string]: unknown;
}

/** Why SQL has no tree: DuckDB's message, or a form that a tree cannot hold. */
export interface Unparsed {
  readonly unparsed: string;
}

interface RawJson {
  rawJSON: string;
}

const rawJson = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !rawJson.isRawJSON(value);
}

/** The tree of one SELECT statement: its query node (`SELECT_NODE`, `SET_OPERATION_NODE`, …). */
export async function parseSelect(session: SqlSession, sql: string): Promise<SyntaxNode | Unparsed> {
  const rows = await session.rows(`select cast(json_serialize_sql(${quoteText(sql)}) as varchar)`);
  const keepNumbers = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? rawJson.rawJSON(context?.source ?? String(value)) : value;
  const parsed = JSON.parse(String(rows[0]?.[0]), keepNumbers) as {
    error: boolean;
    error_message?: string;
    statements?: { node: SyntaxNode }[];
  };
  if (parsed.error) return { unparsed: parsed.error_message ?? 'the statement is not a SELECT' };
  const statement = parsed.statements?.[0];
  if (statement === undefined || parsed.statements?.length !== 1) {
    return { unparsed: 'the text is not exactly one statement' };
  }
  return statement.node;
}

/** The tree as SQL text, or why it has none: printing is accepted only when parsing gives the same tree. */
export async function printSelect(session: SqlSession, node: SyntaxNode): Promise<string | Unparsed> {
  nameDoubleConstants(node);
  const document = JSON.stringify({ error: false, statements: [{ node, named_param_map: [] }] });
  const rows = await session.rows(`select json_deserialize_sql(cast(${quoteText(document)} as json))`);
  const text = String(rows[0]?.[0]);
  const again = await parseSelect(session, text);
  if ('unparsed' in again) return { unparsed: `printed SQL does not parse: ${String(again.unparsed)}` };
  const difference = firstDifference(node, again);
  return difference === undefined ? text : { unparsed: `printing changes ${difference}` };
}

/** Calls `visit` for every node, parents first. Returning false leaves the node's children out. */
export function walk(value: unknown, visit: (node: SyntaxNode) => boolean | void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
    return;
  }
  if (!isNode(value) || visit(value) === false) return;
  for (const key in value) walk(value[key], visit);
}

/** The value of a constant node as text; undefined for anything else and for null. */
export function constantText(node: unknown): string | undefined {
  if (!isNode(node) || node.class !== 'CONSTANT') return undefined;
  const held = node['value'];
  if (!isNode(held) || held['is_null'] === true) return undefined;
  const value = held['value'];
  return rawJson.isRawJSON(value) ? value.rawJSON : String(value);
}

/**
 * A text that is equal for expressions that mean the same column or function of it: no place, alias or
 * qualifier.
 */
export function expressionText(node: unknown): string {
  return JSON.stringify(node, (key, value: unknown) => {
    if (key === 'query_location' || key === 'alias') return undefined;
    if (key === 'column_names' && Array.isArray(value)) return [String(value.at(-1)).toLowerCase()];
    return value;
  });
}

/** `1e3` is printed as `1000.0`, which is a decimal: doubles are written as `cast('1000.0' as double)`. */
function nameDoubleConstants(root: SyntaxNode): void {
  walk(root, (node) => {
    if (node.class !== 'CONSTANT') return;
    const held = node['value'];
    if (!isNode(held) || held['is_null'] === true) return;
    const type = held.type as unknown;
    if (!isNode(type) || (type['id'] !== 'DOUBLE' && type['id'] !== 'FLOAT')) return;
    const location = node['query_location'];
    const text = constantText(node);
    const child = {
      class: 'CONSTANT',
      type: 'VALUE_CONSTANT',
      alias: '',
      query_location: location,
      value: { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: text },
    };
    delete node['value'];
    Object.assign(node, { class: 'CAST', type: 'OPERATOR_CAST', child, cast_type: type, try_cast: false });
    return false;
  });
}

/** The kind of the first node where two trees differ, apart from places in the text. */
function firstDifference(a: unknown, b: unknown): string | undefined {
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return 'a list';
    for (let i = 0; i < a.length; i++) {
      const difference = firstDifference(a[i], b[i]);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isNode(a) && isNode(b)) {
    const other = a.type === 'EXPRESSION_LIST' ? withoutValuesQuery(b) : b;
    for (const key of new Set([...Object.keys(a), ...Object.keys(other)])) {
      if (key === 'query_location') continue;
      const difference = firstDifference(a[key], other[key]);
      if (difference !== undefined)
        return difference === 'a value' ? `${a.type ?? 'a node'} (${key})` : difference;
    }
    return undefined;
  }
  return JSON.stringify(a) === JSON.stringify(b) ? undefined : 'a value';
}

/** `values …` is printed as `(values …) as valueslist`, which reads as a query around the same list. */
function withoutValuesQuery(node: SyntaxNode): SyntaxNode {
  if (node.type !== 'SUBQUERY' || node.alias !== 'valueslist' || !isNode(node['subquery'])) return node;
  const query = node['subquery']['node'];
  return isNode(query) && isNode(query['from_table']) ? query['from_table'] : node;
}

/** The nodes of a list; nothing for anything else. */
export function nodesOf(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The terms of a condition that must all hold. */
export function conjuncts(condition: unknown): SyntaxNode[] {
  if (!isNode(condition)) return [];
  if (condition.type !== 'CONJUNCTION_AND') return [condition];
  return nodesOf(condition['children']).flatMap(conjuncts);
}
