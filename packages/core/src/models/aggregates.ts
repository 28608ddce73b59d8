import { walk } from './syntax-tree.ts';

/** True when the expression aggregates rows, not counting windows and subqueries. */
export function hasAggregate(expression: unknown, aggregates: ReadonlySet<string>): boolean {
  let found = false;
  walk(expression, (node) => {
    if (node.class === 'WINDOW' || node.class === 'SUBQUERY') return false;
    if (node.class === 'FUNCTION' && aggregates.has((node.function_name ?? '').toLowerCase())) found = true;
  });
  return found;
}
