/**
 * Proves from a model's parse tree that each of its rows is made from parent rows of its own key alone, so
 * that running the model over the parent rows of some keys gives exactly its rows of those keys.
 *
 * Followed from the parents to the result are the expressions that carry a key. Rows of different keys must
 * never meet: every grouping, window and distinct must have all keys among its own, joins between changing
 * relations must equate all keys, outer joins must not keep rows that have no key. What cannot be followed
 * counts as not proven.
 */
import { assert } from '../base/index.ts';
import { columnText, type Outputs, PASSENGER, type ScopedTable, Unproven } from './carriers.ts';
import { joinedOutputs } from './join-lineage.ts';
import { refersTo } from './rebind.ts';
import { SelectLineage } from './select-lineage.ts';
import { cteEntries } from './sql-hazards.ts';
import type { Relation } from './sql-text.ts';
import { isNode, walk, type SyntaxNode } from './syntax-tree.ts';

/** A relation that the model reads. One that never changes has no carriers. */
export interface LineageSource {
  readonly relation: Relation;
  readonly outputs: Outputs;
}

export interface LineageQuestion {
  /** Key columns of the result. */
  readonly grain: readonly string[];
  readonly sources: readonly LineageSource[];
  /** Names of all aggregate functions, lower case. */
  readonly aggregates: ReadonlySet<string>;
  /** A column of a source whose way is followed too. */
  readonly passenger: string | undefined;
}

export type LineageAnswer =
  | {
      readonly isLocal: true;
      /** No two rows of the result have the same key. */
      readonly isUnique: boolean;
      /** The passenger comes through: the result has it under its name, unchanged. */
      readonly isPassed: boolean;
    }
  | { readonly isLocal: false; readonly reason: string };

type Ctes = ReadonlyMap<string, Outputs>;

const STATIC: Outputs = { isKeyed: false, carriers: new Map(), isUnique: false, names: undefined };

/** Answers whether the query is local to its keys. */
export function proveLocal(tree: SyntaxNode, question: LineageQuestion): LineageAnswer {
  const lineage = new Lineage(question);
  try {
    const outputs = lineage.query(tree, new Map());
    question.grain.forEach((column, key) => {
      if (outputs.carriers.get(columnText(column))?.key === key) return;
      throw new Unproven(`its column ${column} is not made from what keys_from says`);
    });
    const { passenger, sources } = question;
    const text = passenger === undefined ? '' : columnText(passenger);
    const left = sources.find((source) => source.outputs.carriers.has(text))?.outputs.carriers.get(text);
    const isPassed = left !== undefined && outputs.carriers.get(text)?.key === left.key;
    return { isLocal: true, isUnique: outputs.isUnique, isPassed };
  } catch (error) {
    if (error instanceof Unproven) return { isLocal: false, reason: error.message };
    throw error;
  }
}

class Lineage {
  readonly #question: LineageQuestion;

  constructor(question: LineageQuestion) {
    this.#question = question;
  }

  query(node: SyntaxNode, outer: Ctes): Outputs {
    const ctes = new Map(outer);
    for (const { key, query, isRenamed } of cteEntries(node)) {
      const outputs = this.query(query, ctes);
      if (outputs.isKeyed && isRenamed) throw new Unproven(`the columns of ${key} are renamed as a list`);
      ctes.set(key.toLowerCase(), outputs);
    }
    if (node.type === 'SELECT_NODE') return this.#select(node, ctes);
    if (node.type === 'SET_OPERATION_NODE') return this.#setOperation(node, ctes);
    this.#refuseKeyed(node, { ctes, where: 'a recursive query' });
    return STATIC;
  }

  #select(node: SyntaxNode, ctes: Ctes): Outputs {
    const tables = this.#from(node['from_table'], ctes);
    for (const part of [
      'select_list',
      'where_clause',
      'group_expressions',
      'having',
      'qualify',
      'modifiers',
    ]) {
      this.#checkSubqueries(node[part], ctes);
    }
    if (!tables.some((table) => table.isKeyed)) return STATIC;
    const { grain, aggregates } = this.#question;
    const select = new SelectLineage(node, { tables, grain, aggregates });
    select.checkWindows();
    const groups = select.checkGroups();
    select.checkDistinct();
    return select.outputs(groups);
  }

  /** Branches give their rows side by side: each must carry the keys in the same columns. */
  #setOperation(node: SyntaxNode, ctes: Ctes): Outputs {
    const [left, right] = [node['left'], node['right']];
    assert(isNode(left) && isNode(right), 'a set operation has two sides');
    const [a, b] = [this.query(left, ctes), this.query(right, ctes)];
    if (!a.isKeyed && !b.isKeyed) return STATIC;
    if (!a.isKeyed || !b.isKeyed) throw new Unproven('a branch of its union has rows without keys');
    const isByName = node['setop_type'] === 'UNION_BY_NAME';
    const isSameOrder = a.names !== undefined && JSON.stringify(a.names) === JSON.stringify(b.names);
    if (!isByName && !isSameOrder)
      throw new Unproven('the branches of its union do not name the same columns');
    const carriers = new Map([...a.carriers].filter(([text, { key }]) => b.carriers.get(text)?.key === key));
    const carried = new Set([...carriers.values()].map(({ key }) => key).filter((key) => key !== PASSENGER));
    if (carried.size < this.#question.grain.length) {
      throw new Unproven('the branches of its union do not all carry the keys');
    }
    return { isKeyed: true, carriers, isUnique: false, names: isByName ? undefined : a.names };
  }

  #from(table: unknown, ctes: Ctes): ScopedTable[] {
    if (!isNode(table) || table.type === 'EMPTY') return [];
    if (table.type === 'JOIN') {
      const [left, right] = [this.#from(table['left'], ctes), this.#from(table['right'], ctes)];
      this.#checkSubqueries(table['condition'], ctes);
      return joinedOutputs(table, { left, right }, this.#question.grain.length);
    }
    const outputs = this.#table(table, ctes);
    const renamed = table['column_name_alias'];
    const isRenamed = Array.isArray(renamed) && renamed.length > 0;
    if (outputs.isKeyed && isRenamed)
      throw new Unproven(`the columns of ${table.alias} are renamed as a list`);
    const name = (table.alias || table.table_name || '').toLowerCase();
    return [{ ...outputs, names: isRenamed ? undefined : outputs.names, name }];
  }

  #table(table: SyntaxNode, ctes: Ctes): Outputs {
    if (table.type === 'BASE_TABLE') {
      const cte = table.schema_name ? undefined : ctes.get((table.table_name ?? '').toLowerCase());
      if (cte !== undefined) return cte;
      return this.#question.sources.find(({ relation }) => refersTo(table, relation))?.outputs ?? STATIC;
    }
    if (table.type === 'SUBQUERY' && isNode(table['subquery']) && isNode(table['subquery']['node'])) {
      return this.query(table['subquery']['node'], ctes);
    }
    this.#refuseKeyed(table, { ctes, where: `a ${String(table.type).toLowerCase()}` });
    return STATIC;
  }

  /** A query inside an expression sees all rows of its tables, whatever the key of the row around it. */
  #checkSubqueries(part: unknown, ctes: Ctes): void {
    walk(part, (node) => {
      if (node.class !== 'SUBQUERY') return;
      this.#refuseKeyed(node, { ctes, where: 'a subquery inside an expression' });
      return false;
    });
  }

  #refuseKeyed(part: SyntaxNode, { ctes, where }: { ctes: Ctes; where: string }): void {
    const inner = new Map(ctes);
    walk(part, (node) => {
      for (const { key, query } of cteEntries(node)) {
        if (!inner.has(key.toLowerCase())) inner.set(key.toLowerCase(), this.query(query, inner));
      }
      if (node.type === 'BASE_TABLE' && this.#table(node, inner).isKeyed) {
        throw new Unproven(`it reads ${node.table_name} in ${where}`);
      }
    });
  }
}
