import { refersTo } from './rebind.ts';
import type { Relation } from './sql-text.ts';
import { conjuncts, isNode, nodesOf, walk, type SyntaxNode } from './syntax-tree.ts';

/**
 * Whether all that a query takes from the row that says `as_of` is the bound `event_time <= (select as_of from …)`. Then
 * rows only ever come in as `as_of` moves on, each when its time has come. Any other use (a window that moves along,
 * `<` instead of `<=`) changes rows in ways that nothing announces.
 */
export function isOnlyBound(
  tree: SyntaxNode,
  { asOf, eventTime }: { asOf: Relation; eventTime: string },
): boolean {
  let [references, bounds] = [0, 0];
  walk(tree, (node) => {
    if (node.type === 'BASE_TABLE' && refersTo(node, asOf)) references++;
    if (node.type !== 'SELECT_NODE') return;
    for (const term of conjuncts(node['where_clause'])) if (isBound(term, { asOf, eventTime })) bounds++;
  });
  return references === bounds;
}

function isBound(term: SyntaxNode, { asOf, eventTime }: { asOf: Relation; eventTime: string }): boolean {
  const isUpper = term.type === 'COMPARE_LESSTHANOREQUALTO';
  if (!isUpper && term.type !== 'COMPARE_GREATERTHANOREQUALTO') return false;
  const [column, bound] = isUpper ? [term['left'], term['right']] : [term['right'], term['left']];
  if (!isNode(column) || column.class !== 'COLUMN_REF') return false;
  return column.column_names?.at(-1)?.toLowerCase() === eventTime.toLowerCase() && isValueOf(bound, asOf);
}

/** `(select as_of from …)`: one column of one row, as it is. */
function isValueOf(expression: unknown, asOf: Relation): boolean {
  if (!isNode(expression) || expression.class !== 'SUBQUERY' || expression['subquery_type'] !== 'SCALAR')
    return false;
  const query = isNode(expression['subquery']) ? expression['subquery']['node'] : undefined;
  if (!isNode(query) || query.type !== 'SELECT_NODE' || !isNode(query['from_table'])) return false;
  const items = nodesOf(query['select_list']);
  const isPlain = items.length === 1 && items[0]?.class === 'COLUMN_REF' && !isNode(query['where_clause']);
  return isPlain && query['from_table'].type === 'BASE_TABLE' && refersTo(query['from_table'], asOf);
}
