import type { PlannedField } from '../import/index.ts';
import { type ModelFile, modelFiles, type TableWriter } from './model-files.ts';
import type { ProjectPlan } from './project-plan.ts';

/** All files of a new project but the compiled manifest: path → text. */
export function projectFiles(plan: ProjectPlan, millraceFolder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>([
    ['package.json', packageFile(plan, millraceFolder)],
    ['.gitignore', 'node_modules/\n.millrace/\ntarget/\nlogs/\n'],
    ['millrace.config.ts', configFile(plan)],
    [`events/${plan.eventType.replaceAll('_', '-')}.ts`, eventFile(plan)],
    ['alerts/pipeline.ts', ALERTS],
    ['models/dbt_project.yml', dbtProject(plan)],
    ['models/profiles.yml', dbtProfile(plan)],
    ['models/macros/generate_schema_name.sql', SCHEMA_MACRO],
    ['models/staging/_sources.yml', dbtSources(plan)],
    ['semantic/metrics.yml', cubeFile(plan)],
    ['dashboards/overview.yml', dashboardFile(plan)],
    ['README.md', readme(plan)],
  ]);
  for (const model of modelFiles(plan)) files.set(`models/${model.path}`, modelFile(model));
  return files;
}

function packageFile(plan: ProjectPlan, millraceFolder: string): string {
  const manifest = {
    name: plan.name,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: { start: 'millrace start', check: 'millrace check', compile: 'millrace compile' },
    dependencies: { millrace: `file:${millraceFolder}` },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function configFile({ name, eventType, dataFile }: ProjectPlan): string {
  const companions =
    dataFile === undefined
      ? ''
      : `  // Sends the rows of the data file once, then ends.
  companions: [{ name: 'import', command: ['import', '${dataFile}', '--type', '${eventType}'] }],
`;
  const retention = dataFile === undefined ? '' : ', retentionMs: Infinity';
  return `import { defineProject } from 'millrace';

export default defineProject({
  name: '${name}',
  topics: { ${eventType}: { partitions: 4, keyed: false${retention} } },
${companions}});
`;
}

const SCHEMAS: Readonly<Record<PlannedField['kind'], string>> = {
  integer: 'Type.Integer()',
  number: 'Type.Number()',
  boolean: 'Type.Boolean()',
  timestamp: "Type.String({ format: 'date-time' })",
  text: 'Type.String()',
};

function eventFile({ eventType, fields }: ProjectPlan): string {
  const lines = fields.map(
    ({ name, kind }) => `    ${name}: Type.Optional(Type.Union([${SCHEMAS[kind]}, Type.Null()])),`,
  );
  return `import { defineEvent, Type } from 'millrace';

export const ${camelCase(eventType)} = defineEvent({
  name: '${eventType}',
  version: 1,
  topic: '${eventType}',
  schema: Type.Object({
${lines.join('\n')}
  }),
});
`;
}

const ALERTS = `import { defineAlert } from 'millrace';

export const highLatency = defineAlert({
  name: 'high-latency',
  description: 'Results take more than a second from the first byte received until they can be seen.',
  when: { figure: 'avg_latency_ms', above: 1000 },
  forMs: 5000,
});
`;

function dbtProject({ name }: ProjectPlan): string {
  return `name: ${snake(name)}
version: "1.0.0"
config-version: 2
profile: ${snake(name)}
model-paths: [staging, marts]
macro-paths: [macros]
target-path: target
clean-targets: [target, logs]

flags:
  send_anonymous_usage_stats: false
`;
}

function dbtProfile({ name }: ProjectPlan): string {
  return `# The file's stem is the catalog that compiled SQL names: keep it \`millrace\`.
${snake(name)}:
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

function dbtSources({ eventType }: ProjectPlan): string {
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
              unique_by: event_id # ingest drops repeated ids
              event_time: event_timestamp
              order: ingest_seq
        columns:
          - name: event_id
            data_tests: [not_null]
      - name: as_of
        config:
          meta:
            millrace:
              as_of: true
`;
}

const JINJA: (model: string) => TableWriter = () => ({
  source: (table) => `{{ source('raw', '${table}') }}`,
  ref: (model) => `{{ ref('${model}') }}`,
  self: () => '{{ this }}',
});

function modelFile(model: ModelFile): string {
  const options = [`materialized = '${model.materialized}'`, `schema = '${model.schema}'`];
  if (model.uniqueKey !== undefined) {
    options.push(`unique_key = '${model.uniqueKey}'`, "incremental_strategy = 'delete+insert'");
  }
  options.push(`meta = ${JSON.stringify(model.meta)}`);
  return `{{
  config(
    ${options.join(',\n    ')}
  )
}}

${model.sql(JINJA(model.name), 'jinja')}`;
}

function cubeFile({ eventType, dimensions, measures }: ProjectPlan): string {
  const key = ["event_hour", ...dimensions].map((name) => `coalesce(cast(${name} as varchar), '')`).join(" || '/' || ");
  const own = measures.map(
    (name) => `
      - name: total_${name}
        sql: total_${name}
        type: sum
      - name: counted_${name}
        sql: counted_${name}
        type: sum
        public: false
      - name: average_${name}
        sql: "1.0 * {total_${name}} / nullif({counted_${name}}, 0)"
        type: number`,
  );
  const slices = dimensions.map(
    (name) => `
      - name: ${name}
        sql: ${name}
        type: string`,
  );
  return `cubes:
  - name: ${eventType}
    sql_table: marts.fct_${eventType}_hourly
    measures:
      - name: events
        sql: total_events
        type: sum${own.join('')}
    dimensions:
      - name: id
        sql: "${key}"
        type: string
        primary_key: true
      - name: time
        sql: event_hour
        type: time${slices.join('')}
`;
}

function dashboardFile({ name, eventType, dimensions, measures }: ProjectPlan): string {
  const tiles = [
    tile({ title: 'Events', kind: 'number', measure: `${eventType}.events`, more: '    format: { style: compact }' }),
    ...measures.slice(0, 3).map((measure) =>
      tile({
        title: `Average ${measure.replaceAll('_', ' ')}`,
        kind: 'number',
        measure: `${eventType}.average_${measure}`,
        more: '    format: { decimals: 2 }',
      }),
    ),
    `  - title: Events by hour
    kind: series
    shape: area
    width: 12
    query:
      source: metrics
      measures: [${eventType}.events]
      timeDimensions: [{ dimension: ${eventType}.time, granularity: hour }]
      order: { ${eventType}.time: asc }
      limit: 5000`,
    ...dimensions.map(
      (dimension) => `  - title: By ${dimension.replaceAll('_', ' ')}
    kind: bar
    width: 4
    query:
      source: metrics
      measures: [${eventType}.events]
      dimensions: [${eventType}.${dimension}]
      order: { ${eventType}.events: desc }
      limit: 10`,
    ),
    '  - title: Pipeline\n    kind: status',
  ];
  return `title: ${name}\ntiles:\n${tiles.join('\n')}\n`;
}

function tile(options: { title: string; kind: string; measure: string; more: string }): string {
  return `  - title: ${options.title}
    kind: ${options.kind}
${options.more}
    query: { source: metrics, measures: [${options.measure}] }`;
}

function readme({ name, eventType }: ProjectPlan): string {
  return `# ${name}

\`npm start\` runs it; the page shows \`dashboards/\`. Send events of type \`${eventType}\` to \`POST /v1/events\`.

- \`events/\`: what an event looks like
- \`models/\`: a standard dbt project; after a change run \`npx millrace compile\` (needs Python 3.10 or newer)
- \`semantic/\`: metrics, as Cube data models
- \`dashboards/\`: what the page shows; a saved file takes effect at once
`;
}

function snake(name: string): string {
  return name.replaceAll('-', '_');
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
