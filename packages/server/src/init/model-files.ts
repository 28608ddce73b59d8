import type { ProjectPlan } from './project-plan.ts';

/** One dbt model of a new project: its SQL in both forms of writing a table's name, and how Millrace keeps it live. */
export interface ModelFile {
  readonly name: string;
  readonly schema: 'staging' | 'marts';
  readonly materialized: 'incremental' | 'table';
  readonly uniqueKey: string | undefined;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Path in the dbt project. */
  readonly path: string;
  /** The SELECT, where `table` writes a reference. `incremental` adds the filter of later runs. */
  readonly sql: (write: TableWriter, incremental: 'always' | 'never' | 'jinja') => string;
}

export interface TableWriter {
  source(table: string): string;
  ref(model: string): string;
  /** The model's own relation. */
  self(): string;
}

/** The models of a new project: staging, and a mart by hour and dimensions. */
export function modelFiles(plan: ProjectPlan): readonly ModelFile[] {
  return [stagingModel(plan), martModel(plan)];
}

function stagingModel(plan: ProjectPlan): ModelFile {
  const columns = ['event_id', 'event_timestamp', ...plan.fields.map((field) => field.name), 'ingest_seq'];
  return {
    name: `stg_${plan.eventType}`,
    schema: 'staging',
    materialized: 'incremental',
    uniqueKey: 'event_id',
    meta: { millrace: { local: true } },
    path: `staging/stg_${plan.eventType}.sql`,
    sql(write, incremental) {
      const raw = write.source(`raw_${plan.eventType}`);
      const filter = `      and event_id in (
          select event_id
          from ${raw}
          where event_timestamp > (select coalesce(max(event_timestamp), timestamp '1970-01-01') from ${write.self()})
             or ingest_seq > (select coalesce(max(ingest_seq), -1) from ${write.self()})
      )`;
      const later = {
        always: filter,
        never: '',
        jinja: `    {% if is_incremental() %}\n      -- Only what came since the last run, late or not; all versions of such an event are read.\n${filter}\n    {% endif %}`,
      }[incremental];
      return `-- One row per event: its newest version. An event stamped in the future waits until its time has come.
with due as (

    select
        ${columns.join(',\n        ')}
    from ${raw}
    where event_timestamp <= (select as_of from ${write.source('as_of')})

${later}

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

function martModel(plan: ProjectPlan): ModelFile {
  const keys = Object.fromEntries([['event_hour', HOUR], ...plan.dimensions.map((name) => [name, name])]) as Record<string, string>;
  return {
    name: `fct_${plan.eventType}_hourly`,
    schema: 'marts',
    materialized: 'table',
    uniqueKey: undefined,
    meta: { millrace: { grain: Object.keys(keys), keys_from: { [`stg_${plan.eventType}`]: keys } } },
    path: `marts/fct_${plan.eventType}_hourly.sql`,
    sql(write) {
      const sums = plan.measures.flatMap((name) => [
        `sum(${exact(plan, name)}) as total_${name}`,
        `count(${name}) as counted_${name}`,
      ]);
      const columns = [`${HOUR} as event_hour`, ...plan.dimensions, 'count(*) as total_events', ...sums];
      return `-- One row per hour${plan.dimensions.map((name) => ` and ${name}`).join('')}.
select
    ${columns.join(',\n    ')}
from ${write.ref(`stg_${plan.eventType}`)}
group by ${[HOUR, ...plan.dimensions].join(', ')}
`;
    },
  };
}

/** Sums of doubles depend on the order of the rows; decimals do not. */
function exact(plan: ProjectPlan, name: string): string {
  const kind = plan.fields.find((field) => field.name === name)?.kind;
  return kind === 'integer' ? `cast(${name} as decimal(38, 0))` : `cast(${name} as decimal(38, 6))`;
}
