/**
 * Proves from a model's parse tree that its rows can be merged: the model over all rows equals the model over
 * the old rows and the model over the new rows, put together column by column with `+`, `least` or
 * `greatest`.
 */
import type { SqlSession } from '../warehouse/index.ts';
import { hasAggregate } from './aggregates.ts';
import { describeQuery } from './columns.ts';
import { refersTo } from './rebind.ts';
import { outputName } from './select-lineage.ts';
import { cteEntries } from './sql-hazards.ts';
import type { Relation } from './sql-text.ts';
import { constantText, isNode, nodesOf, printSelect, walk, type SyntaxNode } from './syntax-tree.ts';

/** How a column of two partial rows becomes one. `key` columns are equal in both. */
export type MergeKind = 'key' | 'sum' | 'sumOrNull' | 'min' | 'max';

export interface MergeColumns {
  readonly columns: readonly { readonly name: string; readonly kind: MergeKind }[];
  /**
   * A column that counts all rows of the key, when removed rows can be taken off too: every other column is a
   * count or a sum that is never null. The key is gone when it reaches 0.
   */
  readonly subtractableBy: string | undefined;
}

export interface MergeQuestion {
  readonly parent: Relation;
  /** The model's columns and their types, names in lower case. */
  readonly types: ReadonlyMap<string, string>;
  readonly aggregates: ReadonlySet<string>;
}

const INTEGER = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
const ADDABLE = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,\d+\))$/;
const COMPARABLE =
  /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,\d+\)|DOUBLE|FLOAT|VARCHAR|DATE|TIME|TIMESTAMP)$/;

/**
 * The merge of each column; a text says why there is none. The query must be grouped by exactly the model's
 * keys (`proveLocal(…).isUnique`).
 */
export async function proveMergeable(
  session: SqlSession,
  query: SyntaxNode,
  question: MergeQuestion,
): Promise<MergeColumns | string> {
  const tree = withoutFinalSelect(query);
  const chain = rowWiseReason(tree, question);
  if (chain !== undefined) return chain;
  const columns: { name: string; kind: MergeKind }[] = [];
  let count: string | undefined;
  for (const item of nodesOf(tree['select_list'])) {
    const name = outputName(item);
    if (name === undefined) return 'a column of it has no name';
    const kind = hasAggregate(item, question.aggregates) ? kindOf(item) : 'key';
    if (kind === undefined) return `${name} is not a count, sum, minimum or maximum of its rows`;
    const type = question.types.get(name) ?? '';
    const isSum = kind === 'sum' || kind === 'sumOrNull';
    if (isSum && !ADDABLE.test(type))
      return `${name} adds up ${type}, whose sum depends on the order of rows`;
    if ((kind === 'min' || kind === 'max') && !COMPARABLE.test(type)) return `${name} compares ${type}`;
    const cast = castReason(item);
    if (isSum && cast !== undefined && !(await isInteger(session, { tree, expression: cast }))) {
      return `${name} rounds a sum`;
    }
    columns.push({ name, kind });
    if (item.function_name === 'count_star' && !isNode(item['filter'])) count = name;
  }
  if (columns.every(({ kind }) => kind === 'key')) return 'it has no column but its keys';
  const isSubtractable = columns.every(({ kind }) => kind === 'key' || kind === 'sum');
  return { columns, subtractableBy: isSubtractable ? count : undefined };
}

/** `with …, final as (…) select * from final` is `with … (…)`: many projects end every model so. */
function withoutFinalSelect(tree: SyntaxNode): SyntaxNode {
  const [star, ...more] = nodesOf(tree['select_list']);
  const table = tree['from_table'];
  const isStar = star?.class === 'STAR' && more.length === 0 && star['columns'] !== true && isWholeStar(star);
  const isBare = !['where_clause', 'having', 'qualify', 'sample'].some((part) => isNode(tree[part]));
  const orders = nodesOf(tree['modifiers']).every(({ type }) => type === 'ORDER_MODIFIER');
  if (!isStar || !isBare || !orders || !isNode(table) || table.type !== 'BASE_TABLE' || table.schema_name)
    return tree;
  if (nodesOf(tree['group_expressions']).length > 0) return tree;
  const entry = cteEntries(tree).find(({ key }) => key.toLowerCase() === table.table_name?.toLowerCase());
  if (entry === undefined || entry.isRenamed || entry.query.type !== 'SELECT_NODE') return tree;
  const outer = isNode(tree['cte_map']) ? nodesOf(tree['cte_map']['map']) : [];
  const inner = isNode(entry.query['cte_map']) ? nodesOf(entry.query['cte_map']['map']) : [];
  const map = [...outer.filter((each) => each['key'] !== entry.key), ...inner];
  return withoutFinalSelect({ ...entry.query, cte_map: { map } });
}

function isWholeStar(star: SyntaxNode): boolean {
  const lists = ['exclude_list', 'replace_list', 'rename_list', 'qualified_exclude_list'];
  return lists.every((list) => !Array.isArray(star[list]) || star[list].length === 0);
}

/**
 * Why the rows that are grouped are not simply the parent's rows, each by itself; undefined when they are.
 */
function rowWiseReason(tree: SyntaxNode, { parent, aggregates }: MergeQuestion): string | undefined {
  const uses = new Map<string, number>();
  let reason: string | undefined;
  walk(tree, (node) => {
    if (node.class === 'WINDOW') reason ??= 'it has a window';
    if (node.class === 'SUBQUERY') reason ??= 'it has a subquery inside an expression';
    if (node.type === 'JOIN') reason ??= 'it joins';
    if (node.type === 'SET_OPERATION_NODE') reason ??= 'it has a union';
    if (node.type === 'DISTINCT_MODIFIER') reason ??= 'it has a distinct';
    if (node.type === 'BASE_TABLE') {
      const name = refersTo(node, parent) ? '' : (node.table_name ?? '').toLowerCase();
      uses.set(name, (uses.get(name) ?? 0) + 1);
    }
    if (node.type === 'SELECT_NODE' && node !== tree && isAggregating(node, aggregates))
      reason ??= 'it aggregates twice';
  });
  if (isNode(tree['having']) || isNode(tree['qualify'])) reason ??= 'it leaves groups out';
  const entries = cteEntries(tree);
  if (uses.get('') !== 1 || entries.some(({ key }) => (uses.get(key.toLowerCase()) ?? 0) > 1)) {
    reason ??= 'it reads the same rows twice';
  }
  return reason;
}

function isAggregating(node: SyntaxNode, aggregates: ReadonlySet<string>): boolean {
  if (nodesOf(node['group_expressions']).length > 0 || node['aggregate_handling'] === 'FORCE_AGGREGATES')
    return true;
  return [node['select_list'], node['having']].some((part) => hasAggregate(part, aggregates));
}

function kindOf(expression: unknown): MergeKind | undefined {
  if (!isNode(expression)) return undefined;
  if (expression.class === 'FUNCTION') return kindOfFunction(expression);
  if (expression.class === 'CAST' && expression['try_cast'] !== true) {
    const kind = kindOf(expression['child']);
    return kind === 'sum' || kind === 'sumOrNull' ? kind : undefined;
  }
  if (expression.type !== 'OPERATOR_COALESCE') return undefined;
  const [inner, otherwise, ...more] = nodesOf(expression['children']);
  const isZero = constantText(otherwise) !== undefined && Number(constantText(otherwise)) === 0;
  const kind = kindOf(inner);
  return isZero && more.length === 0 && (kind === 'sum' || kind === 'sumOrNull') ? 'sum' : undefined;
}

function kindOfFunction(node: SyntaxNode): MergeKind | undefined {
  const name = (node.function_name ?? '').toLowerCase();
  const isSingle = nodesOf(node['children']).length === 1;
  if ((name === 'min' || name === 'max') && isSingle) return name;
  if (node['distinct'] === true) return undefined;
  if (name === 'count_star' || name === 'count') return 'sum';
  return name === 'sum' && isSingle ? 'sumOrNull' : undefined;
}

/**
 * What is cast inside a sum's column, if anything: only integers may be, as anything else would be rounded
 * twice.
 */
function castReason(item: SyntaxNode): { outer: SyntaxNode; inner: SyntaxNode } | undefined {
  let found: { outer: SyntaxNode; inner: SyntaxNode } | undefined;
  walk(item, (node) => {
    if (node.class === 'FUNCTION') return false;
    if (node.class === 'CAST' && isNode(node['child'])) found = { outer: node, inner: node['child'] };
  });
  return found;
}

async function isInteger(
  session: SqlSession,
  { tree, expression }: { tree: SyntaxNode; expression: { outer: SyntaxNode; inner: SyntaxNode } },
): Promise<boolean> {
  const items = [
    { ...expression.inner, alias: 'inner_value' },
    { ...expression.outer, alias: 'outer_value' },
  ];
  // Positions mean columns that the probe does not have.
  const selected = nodesOf(tree['select_list']);
  const groups = nodesOf(tree['group_expressions']).map((group) => {
    const item = selected[Number(constantText(group)) - 1];
    return item === undefined ? group : { ...item, alias: '' };
  });
  const probe = { ...tree, select_list: items, group_expressions: groups, modifiers: [] };
  const sql = await printSelect(session, probe);
  if (typeof sql !== 'string') return false;
  const types = await describeQuery(session, sql);
  return types.every(({ type }) => INTEGER.test(type));
}
