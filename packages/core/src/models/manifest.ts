/**
 * What dbt compiled, read from its manifest: either dbt's own `manifest.json` of `dbt compile
 * --full-refresh`, or the trimmed one that `millrace compile` writes, which also holds the incremental
 * variants.
 */
import { messageOf } from '../base/index.ts';
import { fail } from './errors.ts';
import type { Relation } from './sql-text.ts';

export interface Manifest {
  readonly projectName: string;
  /** Of the files that the manifest was compiled from; undefined in a manifest that dbt wrote itself. */
  readonly filesChecksum: string | undefined;
  readonly models: readonly Model[];
  readonly sources: readonly Source[];
  /** Seeds and snapshots: relations that dbt itself fills. */
  readonly others: readonly OtherNode[];
}

export interface Model {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly relation: Relation;
  /** `incremental`, `table`, `view`, `ephemeral`, or a materialization that is left to dbt. */
  readonly materialized: string;
  readonly uniqueKey: readonly string[];
  readonly dependsOn: readonly string[];
  /** The full-refresh variant; undefined for what is not SQL. */
  readonly sql: string | undefined;
  readonly incrementalSql: string | undefined;
  readonly live: ModelDeclaration;
}

/** `meta.millrace` of a model. */
export interface ModelDeclaration {
  /** Each row is made from parent rows of its own key alone, though the SQL may not show it. */
  readonly local: boolean;
  /** Why the model must be refreshed as a whole. */
  readonly whole: string | undefined;
  /** Columns that no two rows share. */
  readonly grain: readonly string[] | undefined;
  /** By parent name: for each column of the grain the SQL expression over the parent's columns. */
  readonly keysFrom: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Source {
  readonly id: string;
  readonly name: string;
  readonly relation: Relation;
  readonly live: SourceDeclaration;
}

/** `meta.millrace` of a source table. */
export interface SourceDeclaration {
  /** Rows are never changed or removed. */
  readonly appendOnly: boolean;
  /** Nothing is ever written into it while Millrace runs. */
  readonly static: boolean;
  /** Columns that no two rows share, which ingest ensures. */
  readonly uniqueBy: readonly string[] | undefined;
  /** Rows later than `as_of` by this column wait until they are due. */
  readonly eventTime: string | undefined;
  /** A column that is unique and grows in commit order. */
  readonly order: string | undefined;
  /** The one-row table that says up to when the warehouse is complete. */
  readonly asOf: boolean;
}

export interface OtherNode {
  readonly id: string;
  readonly name: string;
  readonly kind: 'seed' | 'snapshot';
  readonly relation: Relation;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a parsed manifest.
 * @throws MODELS_MANIFEST_INVALID when a field that is needed is absent or has another form.
 */
export function readManifest(json: unknown): Manifest {
  const reader = new Reader();
  const root = reader.object(json, 'the manifest');
  const metadata = reader.object(root['metadata'], 'metadata');
  const nodes = Object.values(reader.object(root['nodes'], 'nodes')).map((node) =>
    reader.object(node, 'a node'),
  );
  const sources = Object.values(reader.object(root['sources'], 'sources'));
  const ofType = (type: string) => nodes.filter((node) => node['resource_type'] === type);
  return {
    projectName: reader.text(metadata['project_name'], 'metadata.project_name'),
    filesChecksum: reader.optionalText(
      metadata['millrace_files_checksum'],
      'metadata.millrace_files_checksum',
    ),
    models: ofType('model').map((node) => readModel(reader, node)),
    sources: sources.map((node) => readSource(reader, reader.object(node, 'a source'))),
    others: [...ofType('seed'), ...ofType('snapshot')].map((node) => ({
      id: reader.text(node['unique_id'], 'unique_id'),
      name: reader.text(node['name'], 'name'),
      kind: node['resource_type'] === 'seed' ? 'seed' : 'snapshot',
      relation: readRelation(reader, node, 'alias'),
    })),
  };
}

/** Reads a manifest file's text. @throws MODELS_MANIFEST_INVALID */
export function parseManifest(text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail('MODELS_MANIFEST_INVALID', {
      message: `The manifest is not JSON: ${messageOf(error)}`,
      cause: error,
    });
  }
  return readManifest(json);
}

function readModel(reader: Reader, node: Json): Model {
  const id = reader.text(node['unique_id'], 'unique_id');
  const config = reader.object(node['config'], `${id}.config`);
  const dependsOn = reader.object(node['depends_on'], `${id}.depends_on`);
  const materialized = reader.text(config['materialized'], `${id}.config.materialized`);
  const isSql = node['language'] === undefined || node['language'] === 'sql';
  const sql = reader.optionalText(node['compiled_code'], `${id}.compiled_code`);
  if (isSql && sql === undefined) reader.refuse(`${id} is not compiled`);
  return {
    id,
    name: reader.text(node['name'], `${id}.name`),
    description: reader.optionalText(node['description'], `${id}.description`) ?? '',
    relation: readRelation(reader, node, 'alias'),
    materialized,
    uniqueKey: reader.texts(config['unique_key'], `${id}.config.unique_key`) ?? [],
    dependsOn: reader.texts(dependsOn['nodes'], `${id}.depends_on.nodes`) ?? [],
    sql: isSql ? sql : undefined,
    incrementalSql: reader.optionalText(node['compiled_code_incremental'], `${id}.compiled_code_incremental`),
    live: readModelDeclaration(reader, { id, meta: liveMeta(reader, node, id) }),
  };
}

function readModelDeclaration(reader: Reader, { id, meta }: { id: string; meta: Json }): ModelDeclaration {
  const keysFrom: Record<string, Record<string, string>> = {};
  const declared = meta['keys_from'];
  const parents = declared === undefined ? {} : reader.object(declared, `${id}: keys_from`);
  for (const [parent, columns] of Object.entries(parents)) {
    const entries = Object.entries(reader.object(columns, `${id}: keys_from.${parent}`));
    keysFrom[parent] = Object.fromEntries(
      entries.map(([column, sql]) => [column, reader.text(sql, `${id}: keys_from.${parent}.${column}`)]),
    );
  }
  reader.refuseUnknown(meta, { where: id, known: ['local', 'whole', 'grain', 'keys_from'] });
  return {
    local: reader.flag(meta['local'], `${id}: local`),
    whole: reader.optionalText(meta['whole'], `${id}: whole`),
    grain: reader.texts(meta['grain'], `${id}: grain`),
    keysFrom,
  };
}

function readSource(reader: Reader, node: Json): Source {
  const id = reader.text(node['unique_id'], 'unique_id');
  const meta = liveMeta(reader, node, id);
  const known = ['append_only', 'static', 'unique_by', 'event_time', 'order', 'as_of'];
  reader.refuseUnknown(meta, { where: id, known });
  return {
    id,
    name: reader.text(node['name'], `${id}.name`),
    relation: readRelation(reader, node, 'identifier'),
    live: {
      appendOnly: reader.flag(meta['append_only'], `${id}: append_only`),
      static: reader.flag(meta['static'], `${id}: static`),
      uniqueBy: reader.texts(meta['unique_by'], `${id}: unique_by`),
      eventTime: reader.optionalText(meta['event_time'], `${id}: event_time`),
      order: reader.optionalText(meta['order'], `${id}: order`),
      asOf: reader.flag(meta['as_of'], `${id}: as_of`),
    },
  };
}

function readRelation(reader: Reader, node: Json, nameField: 'alias' | 'identifier'): Relation {
  const id = reader.text(node['unique_id'], 'unique_id');
  const name = reader.optionalText(node[nameField], `${id}.${nameField}`);
  return {
    catalog: reader.text(node['database'], `${id}.database`),
    schema: reader.text(node['schema'], `${id}.schema`),
    name: name ?? reader.text(node['name'], `${id}.name`),
  };
}

/** `meta.millrace`: dbt keeps it under `config`, older projects beside it. */
function liveMeta(reader: Reader, node: Json, id: string): Json {
  const config = node['config'] === undefined ? {} : reader.object(node['config'], `${id}.config`);
  for (const holder of [config['meta'], node['meta']]) {
    if (holder === undefined || holder === null) continue;
    const live = reader.object(holder, `${id}.meta`)['millrace'];
    if (live !== undefined && live !== null) return reader.object(live, `${id}.meta.millrace`);
  }
  return {};
}

/** Takes values apart and refuses with the name of what is wrong. */
class Reader {
  object(value: unknown, what: string): Json {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      this.refuse(`${what} is not an object`);
    return value as Json;
  }

  text(value: unknown, what: string): string {
    if (typeof value !== 'string') this.refuse(`${what} is not text`);
    return value;
  }

  optionalText(value: unknown, what: string): string | undefined {
    return value === undefined || value === null ? undefined : this.text(value, what);
  }

  flag(value: unknown, what: string): boolean {
    if (value !== undefined && typeof value !== 'boolean') this.refuse(`${what} is neither true nor false`);
    return value === true;
  }

  /** One text or a list of texts. */
  texts(value: unknown, what: string): readonly string[] | undefined {
    if (value === undefined || value === null) return undefined;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((item) => this.text(item, what));
  }

  refuseUnknown(meta: Json, { where, known }: { where: string; known: readonly string[] }): void {
    const unknown = Object.keys(meta).find((key) => !known.includes(key));
    if (unknown === undefined) return;
    this.refuse(`${where}: meta.millrace has no field '${unknown}'; there are ${known.join(', ')}`);
  }

  refuse(what: string): never {
    throw fail('MODELS_MANIFEST_INVALID', { message: `The compiled manifest cannot be used: ${what}.` });
  }
}
