import { type ModelFile, modelFiles, type SqlWriter } from './model-files.ts';
import type { ProjectPlan } from './project-plan.ts';

/** The dbt project of a new project: path below `models` → text. */
export function dbtFiles(plan: ProjectPlan): ReadonlyMap<string, string> {
  const files = new Map<string, string>([
    ['dbt_project.yml', projectFile(plan)],
    ['profiles.yml', profileFile(plan)],
    ['macros/generate_schema_name.sql', SCHEMA_MACRO],
    ['staging/_sources.yml', sourcesFile(plan)],
  ]);
  const models = modelFiles(plan);
  for (const model of models) files.set(model.path, modelFile(model));
  for (const schema of ['staging', 'marts'] as const) {
    const ofSchema = models.filter((model) => model.schema === schema);
    files.set(`${schema}/_${schema}.yml`, propertiesFile(ofSchema));
  }
  return files;
}

/** A dbt project's name knows no dashes. */
export function dbtName(plan: ProjectPlan): string {
  return plan.name.replaceAll('-', '_');
}

function projectFile(plan: ProjectPlan): string {
  return `name: ${dbtName(plan)}
version: "1.0.0"
config-version: 2
profile: ${dbtName(plan)}
model-paths: [staging, marts]
macro-paths: [macros]
target-path: target
clean-targets: [target, logs]

flags:
  send_anonymous_usage_stats: false
`;
}

function profileFile(plan: ProjectPlan): string {
  return `# The file's stem is the catalog that compiled SQL names: keep it \`millrace\`.
${dbtName(plan)}:
  target: embedded
  outputs:
    embedded:
      type: duckdb
      path: "{{ env_var('MILLRACE_DUCKDB', '../.millrace/millrace.duckdb') }}"
      threads: 2
`;
}

const SCHEMA_MACRO = `{# Schemas are named as written: \`staging\`, not \`main_staging\`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}
`;

function sourcesFile({ eventType }: ProjectPlan): string {
  return `version: 2

sources:
  - name: raw
    schema: raw
    tables:
      - name: raw_${eventType}
        loaded_at_field: received_at
        config:
          meta:
            millrace:
              append_only: true # rows are never changed or removed
              unique_by: event_id # ingest drops repeated ids, so no row needs to be looked up by id
              event_time: event_timestamp # rows later than \`as_of\` wait until they are due
              order: ingest_seq # unique; grows in commit order
        columns:
          - name: event_id
            data_tests: [not_null]
          - name: ingest_seq
            data_tests: [unique, not_null]
      - name: as_of
        config:
          meta:
            millrace:
              as_of: true # one row: models are complete up to it and never read the clock
`;
}

const LINE_MAX = 60;

/** What dbt renders itself. */
const JINJA: SqlWriter = {
  source: (table) => `{{ source('raw', '${table}') }}`,
  ref: (model) => `{{ ref('${model}') }}`,
  self: () => '{{ this }}',
  whenIncremental: (lines) => `{% if is_incremental() %}\n${lines}\n    {% endif %}`,
};

function modelFile(model: ModelFile): string {
  const options = [`materialized = '${model.materialized}'`, `schema = '${model.schema}'`];
  if (model.uniqueKey !== undefined) {
    options.push(`unique_key = '${model.uniqueKey}'`, "incremental_strategy = 'delete+insert'");
  }
  options.push(`meta = ${jinjaValue(model.meta, '    ')}`);
  return `{{
  config(
    ${options.join(',\n    ')}
  )
}}

${model.sql(JINJA)}`;
}

/**
 * Text in single quotes as elsewhere in the file, unless it holds one; what does not fit on a line is
 * broken up.
 */
function jinjaValue(value: unknown, indent: string): string {
  if (typeof value === 'string') return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
  if (Array.isArray(value)) return `[${value.map((item) => jinjaValue(item, indent)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const entries = Object.entries(value).map(([key, held]) => `'${key}': ${jinjaValue(held, inner)}`);
  const line = `{${entries.join(', ')}}`;
  return line.length <= LINE_MAX && !line.includes('\n')
    ? line
    : `{\n${inner}${entries.join(`,\n${inner}`)}\n${indent}}`;
}

function propertiesFile(models: readonly ModelFile[]): string {
  const entries = models.map(({ name, description, tests }) => {
    const columns = Object.entries(tests).map(
      ([column, names]) => `      - name: ${column}\n        data_tests: [${names.join(', ')}]`,
    );
    return `  - name: ${name}\n    description: ${description}\n    columns:\n${columns.join('\n')}`;
  });
  return `version: 2\n\nmodels:\n${entries.join('\n')}\n`;
}
