import type { SqlResult, SqlValue } from '@millrace/core/warehouse';
import { BoundedMap } from './bounded-map.ts';

/** What the answer to a statement depends on. */
export interface Relations {
  /**
   * Tables, `schema.table` in lower case, also those behind views; undefined when it cannot be told: all of
   * them.
   */
  readonly tables: ReadonlySet<string> | undefined;
  /** False when the answer changes by itself, without a change of data: `now()`, `random()`. */
  readonly repeatable: boolean;
}

type Ask = (sql: string, params: readonly SqlValue[]) => Promise<SqlResult>;
type Node = Readonly<Record<string, unknown>>;

interface Catalog {
  /** Functions and macros whose result changes by itself, and macros that read tables. */
  readonly changing: ReadonlySet<string>;
  /** `create view` statements by `schema.view`. */
  readonly views: ReadonlyMap<string, string>;
}

const statementsMax = 2_000;
const viewDepthMax = 20;
const unknown: Relations = { tables: undefined, repeatable: true };

/**
 * Words that DuckDB's parser gives as column references, and functions that its catalog wrongly calls
 * consistent.
 */
const currentTime = new Set([
  'current_date',
  'current_time',
  'current_timestamp',
  'localtime',
  'localtimestamp',
  'current_localtime',
  'current_localtimestamp',
  'age',
]);

/** Table functions that read no data. */
const generators = new Set(['range', 'generate_series', 'unnest']);

/**
 * The relations that a statement reads, from DuckDB's own parse tree: exact for CTEs, subqueries and quoting,
 * and data models need not say which tables they read. Remembered by statement; Cube's statements differ in
 * parameters only. What is not understood counts as reading everything.
 */
export class SqlRelations {
  readonly #ask: Ask;
  #known = new BoundedMap<Relations>(statementsMax);
  #catalog: Promise<Catalog> | undefined;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async of(sql: string): Promise<Relations> {
    const known = this.#known.get(sql);
    if (known !== undefined) return known;
    const relations = await this.#read(sql, 0);
    this.#known.set(sql, relations);
    return relations;
  }

  /** For when views may have changed. */
  forget(): void {
    this.#known = new BoundedMap(statementsMax);
    this.#catalog = undefined;
  }

  async #read(sql: string, depth: number): Promise<Relations> {
    const [tree, { changing, views }] = await Promise.all([this.#parse(sql), this.#readCatalog()]);
    if (tree === undefined || depth > viewDepthMax) return unknown;
    const { tables, repeatable } = relationsOf(tree, changing);
    if (tables === undefined) return { tables, repeatable };
    const resolved = new Set<string>();
    let repeats = repeatable;
    for (const name of tables) {
      const view = views.get(name);
      if (view === undefined) {
        resolved.add(name);
        continue;
      }
      const behind = await this.#readView(view, depth + 1);
      if (behind.tables === undefined) return { tables: undefined, repeatable: repeats && behind.repeatable };
      for (const table of behind.tables) resolved.add(table);
      repeats &&= behind.repeatable;
    }
    return { tables: resolved, repeatable: repeats };
  }

  /**
   * DuckDB's parser takes no more than a query: the part after the ` AS ` with which the rest parses is that.
   */
  async #readView(statement: string, depth: number): Promise<Relations> {
    const text = statement.replace(/;\s*$/, '');
    for (let at = text.indexOf(' AS '); at >= 0; at = text.indexOf(' AS ', at + 1)) {
      const query = text.slice(at + 4);
      if ((await this.#parse(query)) !== undefined) return await this.#read(query, depth);
    }
    return unknown;
  }

  async #parse(sql: string): Promise<Node | undefined> {
    const { columns } = await this.#ask('select json_serialize_sql(?::varchar)', [sql]);
    const tree = JSON.parse(String(columns[0]?.[0])) as Node;
    return tree['error'] === false ? tree : undefined;
  }

  #readCatalog(): Promise<Catalog> {
    this.#catalog ??= this.#askCatalog().catch((error: unknown) => {
      this.#catalog = undefined;
      throw error;
    });
    return this.#catalog;
  }

  async #askCatalog(): Promise<Catalog> {
    const functions = await this.#ask(
      `select distinct function_name, coalesce(macro_definition, '') from duckdb_functions()
        where stability in ('VOLATILE', 'CONSISTENT_WITHIN_QUERY') or macro_definition is not null`,
      [],
    );
    const views = await this.#ask(
      `select lower(schema_name || '.' || view_name), sql from duckdb_views() where not internal`,
      [],
    );
    const [names = [], definitions = []] = functions.columns as readonly string[][];
    const changing = new Set(currentTime);
    names.forEach((name, index) => definitions[index] === '' && changing.add(name));
    const uses = new RegExp(`\\bselect\\b|\\b(${[...changing].join('|')})\\b`, 'i');
    names.forEach((name, index) => uses.test(definitions[index] as string) && changing.add(name));
    const [viewNames = [], statements = []] = views.columns as readonly string[][];
    return { changing, views: new Map(viewNames.map((name, index) => [name, statements[index] as string])) };
  }
}

function relationsOf(tree: Node, changing: ReadonlySet<string>): Relations {
  const tables = new Set<string>();
  let everything = false;
  let repeatable = true;

  /** `ctes`: names of common table expressions that hide tables of the same name here. */
  function visit(value: unknown, ctes: ReadonlySet<string>): void {
    if (Array.isArray(value)) {
      for (const element of value) visit(element, ctes);
    } else if (typeof value === 'object' && value !== null) {
      visitNode(value as Node, ctes);
    }
  }

  function visitNode(node: Node, outer: ReadonlySet<string>): void {
    const ctes = visitCtes(node, outer);
    if (node['type'] === 'BASE_TABLE') {
      const name = (node['table_name'] as string).toLowerCase();
      const schema = (node['schema_name'] as string).toLowerCase();
      if (schema !== '') tables.add(`${schema}.${name}`);
      else if (!ctes.has(name)) everything = true;
    } else if (node['type'] === 'TABLE_FUNCTION') {
      const called = node['function'] as Node;
      if (!generators.has(String(called['function_name']))) everything = true;
    } else if (node['class'] === 'FUNCTION') {
      if (changing.has(String(node['function_name']))) repeatable = false;
    } else if (node['class'] === 'COLUMN_REF') {
      const names = node['column_names'] as readonly string[];
      if (names.length === 1 && currentTime.has(String(names[0]).toLowerCase())) repeatable = false;
    }
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'cte_map') visit(value, ctes);
    }
  }

  /**
   * Each expression sees those before it; itself only when it is recursive, and then it merely counts as
   * unknown.
   */
  function visitCtes(node: Node, outer: ReadonlySet<string>): ReadonlySet<string> {
    const entries = (node['cte_map'] as { map?: readonly Node[] } | undefined)?.map ?? [];
    if (entries.length === 0) return outer;
    const ctes = new Set(outer);
    for (const { key, value } of entries) {
      visit(value, ctes);
      ctes.add(String(key).toLowerCase());
    }
    return ctes;
  }

  visit(tree, new Set());
  return { tables: everything ? undefined : tables, repeatable };
}
