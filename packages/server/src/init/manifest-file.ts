import { DBT_VERSION } from '@millrace/adapters/dbt';
import { dbtName } from './dbt-files.ts';
import { type ModelFile, modelFiles, type SqlWriter } from './model-files.ts';
import type { ProjectPlan } from './project-plan.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * What `millrace compile` would write for the new project, made without Python: byte for byte what real dbt
 * gives, which a test compares. `filesChecksum` is that of the project's files.
 */
export function manifestFile(plan: ProjectPlan, filesChecksum: string): string {
  const project = dbtName(plan);
  const models = modelFiles(plan).map((model) => modelNode(model, project));
  const sources = [
    sourceNode(project, 'as_of', { as_of: true }),
    sourceNode(project, `raw_${plan.eventType}`, {
      append_only: true,
      event_time: 'event_timestamp',
      order: 'ingest_seq',
      unique_by: 'event_id',
    }),
  ];
  const manifest = {
    metadata: {
      dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v12.json',
      dbt_version: DBT_VERSION,
      project_name: project,
      adapter_type: 'duckdb',
      millrace_files_checksum: filesChecksum,
    },
    nodes: byId(models),
    sources: byId(sources),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function modelNode(model: ModelFile, project: string): Json {
  const isIncremental = model.materialized === 'incremental';
  const compiled = (runsIncrementally: boolean) => {
    // Where the config block stood, dbt leaves its line breaks; it drops the last one of the file.
    return `\n\n${model.sql(compiledWriter(model, runsIncrementally)).replace(/\n$/, '')}`;
  };
  return {
    unique_id: `model.${project}.${model.name}`,
    resource_type: 'model',
    name: model.name,
    description: model.description,
    language: 'sql',
    database: 'millrace',
    schema: model.schema,
    alias: model.name,
    config: inOrder({
      ...(isIncremental ? { incremental_strategy: 'delete+insert', unique_key: model.uniqueKey } : {}),
      materialized: model.materialized,
      meta: model.meta,
    }),
    depends_on: {
      nodes: model.dependsOn.map(([kind, name]) =>
        kind === 'source' ? `source.${project}.raw.${name}` : `model.${project}.${name}`,
      ),
    },
    compiled_code: compiled(false),
    ...(isIncremental ? { compiled_code_incremental: compiled(true) } : {}),
  };
}

function compiledWriter(model: ModelFile, runsIncrementally: boolean): SqlWriter {
  const relation = (schema: string, name: string) => `"millrace"."${schema}"."${name}"`;
  return {
    source: (table) => relation('raw', table),
    ref: (name) => relation('staging', name),
    self: () => relation(model.schema, model.name),
    whenIncremental: (lines) => (runsIncrementally ? `\n${lines}\n    ` : ''),
  };
}

function sourceNode(project: string, table: string, live: Json): Json {
  const isAsOf = table === 'as_of';
  const never = { count: null, period: null };
  return {
    unique_id: `source.${project}.raw.${table}`,
    resource_type: 'source',
    source_name: 'raw',
    name: table,
    description: '',
    database: 'millrace',
    schema: 'raw',
    identifier: table,
    ...(isAsOf ? {} : { loaded_at_field: 'received_at' }),
    freshness: { warn_after: never, error_after: never, filter: null },
    config: { meta: { millrace: live } },
  };
}

function byId(nodes: readonly Json[]): Json {
  const entries = nodes.map((node) => [String(node['unique_id']), node] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Keys in order at every depth, as the compiled manifest has them. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, held]) => [key, inOrder(held)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
