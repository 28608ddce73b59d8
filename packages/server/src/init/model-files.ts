import type { ProjectField, ProjectPlan } from './project-plan.ts';

/**
 * One dbt model of a new project: from it come both the file that dbt reads and what dbt would compile from
 * it.
 */
export interface ModelFile {
  readonly name: string;
  readonly description: string;
  readonly schema: 'staging' | 'marts';
  readonly materialized: 'incremental' | 'table';
  readonly uniqueKey: string | undefined;
  /** Of the rows, in words of dbt's tests: column → tests. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Path in the dbt project. */
  readonly path: string;
  readonly dependsOn: readonly (readonly ['source' | 'model', string])[];
  /** The SELECT, where `write` writes references and what only incremental runs do. */
  readonly sql: (write: SqlWriter) => string;
}

export interface SqlWriter {
  source(table: string): string;
  ref(model: string): string;
  /** The model's own relation. */
  self(): string;
  /** Lines that stand in incremental runs only. */
  whenIncremental(lines: string): string;
}

/** The models of a new project: staging, and a mart by hour and dimensions. */
export function modelFiles(plan: ProjectPlan): readonly ModelFile[] {
  return [stagingModel(plan), martModel(plan)];
}

function stagingModel(plan: ProjectPlan): ModelFile {
  const columns = ['event_id', 'event_timestamp', ...plan.fields.map((field) => field.sql), 'ingest_seq'];
  const table = `raw_${plan.eventType}`;
  return {
    name: `stg_${plan.eventType}`,
    description: 'One row per event, newest version, nothing from the future.',
    schema: 'staging',
    materialized: 'incremental',
    uniqueKey: 'event_id',
    tests: { event_id: ['unique', 'not_null'], event_timestamp: ['not_null'] },
    meta: { millrace: { local: true } },
    path: `staging/stg_${plan.eventType}.sql`,
    dependsOn: [
      ['source', table],
      ['source', 'as_of'],
    ],
    sql(write) {
      const newer = `      -- What came since the last run, late or not, with all versions of such events.
      and event_id in (
          select event_id
          from ${write.source(table)}
          where event_timestamp > (
              select coalesce(max(event_timestamp), timestamp '1970-01-01') from ${write.self()}
          )
             or ingest_seq > (select coalesce(max(ingest_seq), -1) from ${write.self()})
      )`;
      return `-- One row per event: its newest version. One stamped in the future waits until it is due.
with due as (

    select
        ${columns.join(',\n        ')}
    from ${write.source(table)}
    where event_timestamp <= (select as_of from ${write.source('as_of')})

    ${write.whenIncremental(newer)}

)

select *
from due
qualify row_number() over (partition by event_id order by ingest_seq desc) = 1
-- Rows lie in the order of time, so that a day is read without reading the others.
order by event_timestamp
`;
    },
  };
}

const HOUR = "date_trunc('hour', event_timestamp)";

function martModel({ eventType, dimensions, measures }: ProjectPlan): ModelFile {
  const keys = [['event_hour', HOUR], ...dimensions.map(({ name, sql }) => [name, sql])] as [
    string,
    string,
  ][];
  const by = dimensions.map(({ name }) => ` and ${name}`).join('');
  const staging = `stg_${eventType}`;
  return {
    name: `fct_${eventType}_hourly`,
    description: `One row per hour${by}.`,
    schema: 'marts',
    materialized: 'table',
    uniqueKey: undefined,
    tests: { event_hour: ['not_null'], total_events: ['not_null'] },
    meta: {
      millrace: { grain: keys.map(([name]) => name), keys_from: { [staging]: Object.fromEntries(keys) } },
    },
    path: `marts/fct_${eventType}_hourly.sql`,
    dependsOn: [['model', staging]],
    sql(write) {
      const sums = measures.flatMap((measure) => [
        `sum(${exact(measure)}) as total_${measure.name}`,
        `count(${measure.sql}) as counted_${measure.name}`,
      ]);
      const columns = [
        `${HOUR} as event_hour`,
        ...dimensions.map(({ sql }) => sql),
        'count(*) as total_events',
        ...sums,
      ];
      return `-- One row per hour${by}.
select
    ${columns.join(',\n    ')}
from ${write.ref(staging)}
group by ${[HOUR, ...dimensions.map(({ sql }) => sql)].join(', ')}
`;
    },
  };
}

/**
 * Sums of doubles depend on the order of the rows; decimals do not. What is no decimal of this size is left
 * out.
 */
function exact({ kind, sql }: ProjectField): string {
  return kind === 'integer' ? sql : `try_cast(${sql} as decimal(30, 12))`;
}
