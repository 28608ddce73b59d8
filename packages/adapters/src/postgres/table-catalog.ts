import {
  type CapturedTable,
  type DecimalMode,
  type PgColumn,
  type PgRelation,
  PgTypes,
} from '@millrace/core/sources';
import type { PgConnection } from './connection.ts';

/** A table to copy: what it is, and which rows of it are published. */
export interface PublishedTable {
  readonly relation: PgRelation;
  /** SQL; null for all rows. */
  readonly filter: string | null;
  /** Its rows lie in partitions. */
  readonly isPartitioned: boolean;
}

/** The tables of a publication, with the columns that the stream will have. */
export async function publishedTables(
  connection: PgConnection,
  publication: string,
): Promise<readonly PublishedTable[]> {
  const rows = await connection.rows(
    `SELECT p.schemaname, p.tablename, c.oid, c.relreplident, p.rowfilter, a.attname, a.atttypid, a.atttypmod,
       c.relkind
     FROM pg_publication_tables p JOIN pg_namespace n ON n.nspname = p.schemaname
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = ANY (p.attnames)
       AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     WHERE p.pubname = $1 ORDER BY 1, 2, a.attnum`,
    [publication],
  );
  const tables = new Map<number, PublishedTable & { readonly columns: PgColumn[] }>();
  for (const [schema, table, oidText, identity, filter, name, type, modifier, kind] of rows) {
    const oid = Number(oidText);
    const known = tables.get(oid);
    const columns: PgColumn[] = known?.columns ?? [];
    columns.push({ name: name ?? '', type: Number(type), modifier: Number(modifier), isIdentity: false });
    if (known !== undefined) continue;
    const relation = { oid, schema: schema ?? '', table: table ?? '', identity: identity ?? 'd', columns };
    const isPartitioned = kind === 'p';
    tables.set(oid, { relation, filter: filter ?? null, isPartitioned, columns });
  }
  return [...tables.values()];
}

/** Types and keys, read from the server when the stream shows something new. */
export class TableCatalog {
  readonly #connection: PgConnection;
  readonly #decimals: DecimalMode;
  #types: PgTypes | undefined;

  constructor(connection: PgConnection, decimals: DecimalMode) {
    this.#connection = connection;
    this.#decimals = decimals;
  }

  /**
   * The table with its key: the columns of the replica identity, and with `FULL` those of the primary key as
   * the server has it now.
   */
  async captured(relation: PgRelation): Promise<CapturedTable> {
    if (this.#types === undefined || relation.columns.some(({ type }) => !this.#types?.has(type))) {
      this.#types = await this.#readTypes();
    }
    const flagged = relation.columns.filter(({ isIdentity }) => isIdentity).map(({ name }) => name);
    const isFlagged = relation.identity !== 'f' && flagged.length > 0;
    const keyColumns = new Set(isFlagged ? flagged : await this.#keyOf(relation));
    return { relation, keyColumns, types: this.#types };
  }

  async #keyOf({ oid, identity, columns }: PgRelation): Promise<string[]> {
    const wanted = identity === 'i' ? 'i.indisreplident' : 'i.indisprimary';
    const rows = await this.#connection.rows(
      `SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
         AND a.attnum = ANY (i.indkey) WHERE i.indrelid = $1 AND ${wanted}`,
      [oid],
    );
    const names = rows.map(([name]) => name ?? '');
    // A column that the stream does not have yet, or no longer: no key is better than a part of one.
    return names.every((name) => columns.some((column) => column.name === name)) ? names : [];
  }

  async #readTypes(): Promise<PgTypes> {
    const rows = await this.#connection.rows(
      `SELECT oid, typname, CASE WHEN typsubscript = 'array_subscript_handler'::regproc THEN typelem ELSE 0 END,
         typbasetype, typtypmod, typdelim FROM pg_type WHERE typtype <> 'c'`,
    );
    return new PgTypes(
      rows.map(([oid, name, element, base, baseModifier, delimiter]) => ({
        oid: Number(oid),
        name: name ?? '',
        element: Number(element),
        base: Number(base),
        baseModifier: Number(baseModifier),
        delimiter: delimiter ?? ',',
      })),
      this.#decimals,
    );
  }
}
