/**
 * What makes the result of SQL depend on more than the rows of its parents: the clock, chance, references
 * that cannot be seen, and choices that the order of rows decides.
 */
import type { SqlSession } from '../warehouse/index.ts';
import { refersTo } from './rebind.ts';
import type { Relation } from './sql-text.ts';
import { isNode, nodesOf, walk, type SyntaxNode } from './syntax-tree.ts';

/** Names of the warehouse's functions by how they behave, lower case. */
export interface FunctionCatalog {
  readonly aggregates: ReadonlySet<string>;
  readonly volatile: ReadonlySet<string>;
  /** Constant within a query: they read the clock or the session. */
  readonly clock: ReadonlySet<string>;
  /** Defined by the user: they may read tables that the tree does not show. */
  readonly macros: ReadonlySet<string>;
}

const CLOCK_KEYWORDS = new Set([
  'current_timestamp',
  'current_date',
  'current_time',
  'localtime',
  'localtimestamp',
]);
const TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree', 'repeat']);
const ORDER_DEPENDENT = new Set([
  'any_value',
  'arbitrary',
  'first',
  'last',
  'list',
  'array_agg',
  'string_agg',
  'group_concat',
  'listagg',
  'mode',
  'arg_min',
  'arg_max',
  'min_by',
  'max_by',
]);

export async function readFunctionCatalog(session: SqlSession): Promise<FunctionCatalog> {
  const rows = await session.rows(`select case
      when not internal and function_type in ('macro', 'table_macro') then 'macro'
      when function_type = 'aggregate' then 'aggregate'
      when stability = 'VOLATILE' then 'volatile'
      else 'clock' end, lower(function_name)
    from duckdb_functions()
    where function_type = 'aggregate' or stability in ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')
      or (not internal and function_type in ('macro', 'table_macro'))
    group by all`);
  const named = (kind: string) => new Set(rows.filter((row) => row[0] === kind).map((row) => String(row[1])));
  return {
    aggregates: named('aggregate'),
    volatile: named('volatile'),
    clock: named('clock'),
    macros: named('macro'),
  };
}

export interface Hazards {
  /** Reasons why the model cannot be kept live by its changed rows. */
  readonly refusals: readonly string[];
  /** Results that the order of rows decides: live and full may choose differently. */
  readonly warnings: readonly string[];
}

/** `known` are the relations that the manifest says the model reads. */
export function findHazards(tree: SyntaxNode, catalog: FunctionCatalog, known: readonly Relation[]): Hazards {
  const refusals = new Set<string>();
  const warnings = new Set<string>();
  const ctes = cteNames(tree);
  walk(tree, (node) => {
    if (node.type === 'BASE_TABLE') {
      const isCte = !node.schema_name && ctes.has((node.table_name ?? '').toLowerCase());
      if (!isCte && !known.some((relation) => refersTo(node, relation))) {
        refusals.add(
          `it reads ${[node.schema_name, node.table_name].filter(Boolean).join('.')} without ref() or source()`,
        );
      }
    }
    const refusal = refusalOf(node, catalog);
    if (refusal !== undefined) refusals.add(refusal);
    const warning = warningOf(node);
    if (warning !== undefined) warnings.add(warning);
  });
  return { refusals: [...refusals], warnings: [...warnings] };
}

function refusalOf(node: SyntaxNode, catalog: FunctionCatalog): string | undefined {
  if (node.type === 'LIMIT_MODIFIER' || node.type === 'LIMIT_PERCENT_MODIFIER') return 'it has a limit';
  if (isNode(node['sample'])) return 'it reads a random sample';
  if (node.type === 'SHOW_REF') return 'it describes tables instead of reading them';
  if (node.type === 'TABLE_FUNCTION' && isNode(node['function'])) {
    const name = (node['function'].function_name ?? '').toLowerCase();
    return TABLE_FUNCTIONS.has(name) ? undefined : `it reads ${name}(), which is no table`;
  }
  if (node.class === 'COLUMN_REF' && node.column_names?.length === 1) {
    const name = node.column_names[0]?.toLowerCase() ?? '';
    return CLOCK_KEYWORDS.has(name) ? clockReason(name) : undefined;
  }
  if (node.class !== 'FUNCTION' && node.class !== 'WINDOW') return undefined;
  const name = (node.function_name ?? '').toLowerCase();
  if (catalog.macros.has(name)) return `it calls the macro ${name}(), which may read tables unseen`;
  if (catalog.volatile.has(name)) return `it calls ${name}(), whose result differs from call to call`;
  if (catalog.clock.has(name) || (name === 'age' && nodesOf(node['children']).length === 1))
    return clockReason(`${name}()`);
  return undefined;
}

function clockReason(name: string): string {
  return `it reads the clock or the session (${name}); compare with raw.as_of instead`;
}

function warningOf(node: SyntaxNode): string | undefined {
  if (node.class !== 'FUNCTION') return undefined;
  const name = (node.function_name ?? '').toLowerCase();
  if (!ORDER_DEPENDENT.has(name)) return undefined;
  const orders = isNode(node['order_bys']) ? nodesOf(node['order_bys']['orders']) : [];
  return orders.length > 0
    ? undefined
    : `${name}() without an order by: equal rows in another order give another result`;
}

/** Names of all common table expressions anywhere in the tree, lower case. */
export function cteNames(tree: SyntaxNode): Set<string> {
  const names = new Set<string>();
  walk(tree, (node) => {
    for (const { key } of cteEntries(node)) names.add(key.toLowerCase());
  });
  return names;
}

/** A common table expression. */
export interface CteEntry {
  readonly key: string;
  readonly query: SyntaxNode;
  /** Its columns have names given as a list, `x(a, b)`. */
  readonly isRenamed: boolean;
}

/** The common table expressions of a query node, in order. */
export function cteEntries(node: SyntaxNode): CteEntry[] {
  const map = node['cte_map'];
  if (!isNode(map)) return [];
  return nodesOf(map['map']).flatMap((entry) => {
    const value = entry['value'];
    const statement = isNode(value) ? value['query'] : undefined;
    const query = isNode(statement) ? statement['node'] : undefined;
    if (!isNode(value) || !isNode(query)) return [];
    const isRenamed = Array.isArray(value['aliases']) && value['aliases'].length > 0;
    return [{ key: String(entry['key']), query, isRenamed }];
  });
}
