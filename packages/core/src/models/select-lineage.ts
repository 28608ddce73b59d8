import { hasAggregate } from './aggregates.ts';
import {
  carriedKey,
  columnText,
  type Carrier,
  type Outputs,
  type ScopedTable,
  Unproven,
} from './carriers.ts';
import { constantText, isNode, nodesOf, walk, type SyntaxNode } from './syntax-tree.ts';

/**
 * What one SELECT is asked: its tables, the result's key columns and the names of all aggregate functions.
 */
export interface SelectQuestion {
  readonly tables: readonly ScopedTable[];
  readonly grain: readonly string[];
  readonly aggregates: ReadonlySet<string>;
}

/** One SELECT over keyed tables: which of its expressions carry a key, and whether it keeps keys apart. */
export class SelectLineage {
  readonly #node: SyntaxNode;
  readonly #question: SelectQuestion;
  readonly #items: readonly SyntaxNode[];
  readonly #aliases = new Map<string, SyntaxNode>();

  constructor(node: SyntaxNode, question: SelectQuestion) {
    this.#node = node;
    this.#question = question;
    this.#items = nodesOf(node['select_list']);
    for (const item of this.#items) if (item.alias) this.#aliases.set(item.alias.toLowerCase(), item);
  }

  /** Throws `Unproven` when a window sees rows of several keys. */
  checkWindows(): void {
    walk([this.#node['select_list'], this.#node['qualify'], this.#node['modifiers']], (node) => {
      if (node.class === 'SUBQUERY') return false;
      if (node.class !== 'WINDOW') return;
      const missing = this.#missing(nodesOf(node['partitions']));
      if (missing === undefined) return;
      throw new Unproven(
        `its window ${node.function_name}() reaches across ${missing}: it is not partitioned by it`,
      );
    });
  }

  /**
   * Throws `Unproven` when a group has rows of several keys. The groups are exactly the keys, so that each
   * key has one row, or finer; undefined when nothing is grouped.
   */
  checkGroups(): 'keys' | 'finer' | undefined {
    const { aggregates } = this.#question;
    const written = nodesOf(this.#node['group_expressions']);
    const isByAll = this.#node['aggregate_handling'] === 'FORCE_AGGREGATES';
    const isAggregated = [...this.#items, this.#node['having']].some((item) =>
      hasAggregate(item, aggregates),
    );
    if (written.length === 0 && !isByAll && !isAggregated) return undefined;
    const sets = this.#node['group_sets'];
    if (Array.isArray(sets) && sets.length > 1) throw new Unproven('it groups by several sets at once');
    const groups = isByAll ? this.#items.filter((item) => !hasAggregate(item, aggregates)) : written;
    const missing = this.#missing(groups);
    if (missing !== undefined) throw new Unproven(`it aggregates across ${missing}: it is not grouped by it`);
    return groups.every((group) => this.#keyOf(group) !== undefined) ? 'keys' : 'finer';
  }

  /** Throws `Unproven` when rows of different keys can count as the same. */
  checkDistinct(): void {
    for (const modifier of nodesOf(this.#node['modifiers'])) {
      if (modifier.type !== 'DISTINCT_MODIFIER') continue;
      const targets = nodesOf(modifier['distinct_on_targets']);
      const kept = [...this.outputs(undefined).carriers.values()].map(({ key }) => key);
      const missing =
        targets.length > 0
          ? this.#missing(targets)
          : this.#question.grain.find((_, key) => !kept.includes(key));
      if (missing !== undefined) throw new Unproven(`its distinct reaches across ${missing}`);
    }
  }

  outputs(groups: 'keys' | 'finer' | undefined): Outputs {
    const carriers = new Map<string, Carrier>();
    for (const item of this.#items) {
      if (item.class === 'STAR') {
        this.#passStar(item, carriers);
        continue;
      }
      const name = outputName(item);
      const key = this.#keyOf(item);
      if (name !== undefined && key !== undefined) carriers.set(columnText(name), { key, columns: [name] });
    }
    for (const table of this.#question.tables) this.#passExpressions(table, carriers);
    const isUnique =
      groups === 'keys' || this.#keepsFirstOfKey() || (groups === undefined && this.#keepsUnique());
    return { isKeyed: true, carriers, names: this.#names(), isUnique };
  }

  /** An expression still carries its key when all its columns were passed on under their names. */
  #passExpressions(table: ScopedTable, carriers: Map<string, Carrier>): void {
    const passed = new Set<string>();
    for (const item of this.#items) {
      if (item.class !== 'COLUMN_REF') continue;
      const [qualifier, column] = [
        item.column_names?.at(-2)?.toLowerCase(),
        item.column_names?.at(-1)?.toLowerCase(),
      ];
      const isOwn = qualifier === undefined || qualifier === table.name;
      if (column !== undefined && isOwn && outputName(item) === column) passed.add(column);
    }
    for (const [text, carrier] of table.carriers) {
      if (carrier.columns.every((column) => passed.has(column))) carriers.set(text, carrier);
    }
  }

  #passStar(star: SyntaxNode, carriers: Map<string, Carrier>): void {
    if (star['columns'] === true) throw new Unproven('it chooses columns by pattern');
    const only = typeof star['relation_name'] === 'string' ? star['relation_name'].toLowerCase() : '';
    const changed = changedNames(star);
    const tables = this.#question.tables.filter((table) => only === '' || table.name === only);
    for (const table of tables) {
      const others = tables.filter((other) => other !== table);
      for (const [text, carrier] of table.carriers) {
        const isChanged = carrier.columns.some((column) => changed.has(column));
        const isHidden = others.some((other) => mayHide(other, { text, carrier }));
        if (!isChanged && !isHidden) carriers.set(text, carrier);
      }
    }
  }

  /** `qualify row_number() over (partition by keys …) = 1`. */
  #keepsFirstOfKey(): boolean {
    const qualify = this.#node['qualify'];
    if (!isNode(qualify) || qualify.type !== 'COMPARE_EQUAL') return false;
    const { left, right } = qualify as { left?: unknown; right?: unknown };
    if (!isNode(left) || left.type !== 'WINDOW_ROW_NUMBER' || constantText(right) !== '1') return false;
    const partitions = nodesOf(left['partitions']);
    return partitions.length > 0 && partitions.every((partition) => this.#keyOf(partition) !== undefined);
  }

  /**
   * Tables that join on all keys and have one row for each give one row for each; anything else may multiply
   * rows.
   */
  #keepsUnique(): boolean {
    let isMultiplied = false;
    walk(this.#node['select_list'], (node) => {
      if (node.class === 'FUNCTION' && node.function_name === 'unnest') isMultiplied = true;
    });
    return !isMultiplied && this.#question.tables.every((table) => table.isKeyed && table.isUnique);
  }

  #names(): readonly string[] | undefined {
    const names: string[] = [];
    for (const item of this.#items) {
      if (item.class === 'STAR') {
        const [table, ...more] = this.#question.tables;
        if (table?.names === undefined || more.length > 0 || changedNames(item).size > 0) return undefined;
        names.push(...table.names);
        continue;
      }
      // An expression without alias is named by its text, which no key column is.
      names.push(outputName(item) ?? '?');
    }
    return names;
  }

  /** The first key, by its column in the result, that none of the expressions carries. */
  #missing(expressions: readonly SyntaxNode[]): string | undefined {
    const carried = new Set(expressions.map((expression) => this.#keyOf(expression)));
    return this.#question.grain.find((_, key) => !carried.has(key));
  }

  #keyOf(expression: SyntaxNode): number | undefined {
    const { tables } = this.#question;
    const key = carriedKey(expression, tables);
    if (key !== undefined) return key;
    const item = this.#items[Number(constantText(expression)) - 1];
    if (item !== undefined) return carriedKey(item, tables);
    const names = expression.class === 'COLUMN_REF' ? (expression.column_names ?? []) : [];
    const name = names.length === 1 ? (names[0]?.toLowerCase() ?? '') : '';
    const aliased = this.#aliases.get(name);
    // A column of a table goes before an alias of the same name.
    const isColumn = tables.some((table) => table.names === undefined || table.names.includes(name));
    return aliased === undefined || isColumn ? undefined : carriedKey(aliased, tables);
  }
}

/** The name of a column of the result, lower case; undefined for an expression without alias. */
export function outputName(item: SyntaxNode): string | undefined {
  if (item.alias) return item.alias.toLowerCase();
  return item.class === 'COLUMN_REF' ? item.column_names?.at(-1)?.toLowerCase() : undefined;
}

/** Whether `*` may give a column of the other table where a carrier's column is meant. */
function mayHide(other: ScopedTable, { text, carrier }: { text: string; carrier: Carrier }): boolean {
  if (other.carriers.get(text)?.key === carrier.key) return false;
  return other.names === undefined || carrier.columns.some((column) => other.names?.includes(column));
}

function changedNames(star: SyntaxNode): Set<string> {
  const names = new Set<string>();
  for (const name of Array.isArray(star['exclude_list']) ? star['exclude_list'] : []) {
    names.add(String(name).toLowerCase());
  }
  for (const { key } of nodesOf(star['replace_list']) as unknown as { key: unknown }[]) {
    names.add(String(key).toLowerCase());
  }
  for (const entry of [...nodesOf(star['rename_list']), ...nodesOf(star['qualified_exclude_list'])]) {
    const name = isNode(entry['key']) ? entry['key'] : entry;
    names.add(String(name['column']).toLowerCase());
  }
  return names;
}
