import { carriedKey, columnNode, type ScopedTable, Unproven } from './carriers.ts';
import { conjuncts, isNode, type SyntaxNode } from './syntax-tree.ts';

/** The tables on both sides of a join. */
interface Sides {
  readonly left: ScopedTable[];
  readonly right: ScopedTable[];
}

/**
 * The tables that a join gives to the query, or `Unproven` when rows of different keys can meet in it, or
 * when it keeps rows that have no key (they would appear for whatever keys are asked).
 */
export function joinedOutputs(join: SyntaxNode, sides: Sides, keyCount: number): ScopedTable[] {
  const type = String(join['join_type']);
  const isOneSided = type === 'SEMI' || type === 'ANTI';
  const tables = isOneSided ? sides.left : [...sides.left, ...sides.right];
  const [isLeftKeyed, isRightKeyed] = [isKeyed(sides.left), isKeyed(sides.right)];
  if (!isLeftKeyed && !isRightKeyed) return tables;
  if (join['ref_type'] === 'POSITIONAL') throw new Unproven('it joins rows by their position');
  if (isLeftKeyed && isRightKeyed) {
    const equated = equatedKeys(join, sides);
    if (equated.size < keyCount) throw new Unproven('it joins changing relations on less than its keys');
    return tables;
  }
  const keepsLeft = type === 'LEFT' || type === 'OUTER' || type === 'FULL' || isOneSided;
  const keepsRight = type === 'RIGHT' || type === 'OUTER' || type === 'FULL';
  if ((keepsLeft && !isLeftKeyed) || (keepsRight && !isRightKeyed)) {
    throw new Unproven('its outer join keeps rows that have no key');
  }
  return tables;
}

function isKeyed(tables: readonly ScopedTable[]): boolean {
  return tables.some((table) => table.isKeyed);
}

function equatedKeys(join: SyntaxNode, sides: Sides): Set<number> {
  const keys = new Set<number>();
  const using = Array.isArray(join['using_columns']) ? join['using_columns'] : [];
  for (const column of using) {
    const node = columnNode(String(column));
    addCommon(keys, { left: carriedKey(node, sides.left), right: carriedKey(node, sides.right) });
  }
  const terms = conjuncts(join['condition']);
  for (const term of terms) {
    const isEquation = term.type === 'COMPARE_EQUAL' || term.type === 'COMPARE_NOT_DISTINCT_FROM';
    const [a, b] = [term['left'], term['right']];
    if (!isEquation || !isNode(a) || !isNode(b)) continue;
    addCommon(keys, { left: carriedKey(a, sides.left), right: carriedKey(b, sides.right) });
    addCommon(keys, { left: carriedKey(b, sides.left), right: carriedKey(a, sides.right) });
  }
  return keys;
}

function addCommon(keys: Set<number>, pair: { left: number | undefined; right: number | undefined }): void {
  if (pair.left !== undefined && pair.left === pair.right) keys.add(pair.left);
}
