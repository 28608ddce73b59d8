import type { ProjectField, ProjectPlan } from './project-plan.ts';

const CUBE_TYPES: Partial<Record<ProjectField['kind'], string>> = { boolean: 'boolean', integer: 'number' };

/** The Cube data model over the mart. */
export function semanticFile({ eventType, dimensions, measures }: ProjectPlan): string {
  const key = ['event_hour', ...dimensions.map(({ sql }) => sql)].map(
    (sql) => `coalesce(cast(${sql} as varchar), '')`,
  );
  const sums = measures.map(
    ({ name }) => `
      - name: total_${name}
        sql: total_${name}
        type: sum
      - name: counted_${name}
        sql: counted_${name}
        type: sum
        public: false
      - name: average_${name}
        sql: "1.0 * {CUBE.total_${name}} / nullif({CUBE.counted_${name}}, 0)"
        type: number`,
  );
  const slices = dimensions.map(
    ({ name, sql, kind }) => `
      - name: ${yamlText(name)}
        sql: ${yamlText(sql)}
        type: ${CUBE_TYPES[kind] ?? 'string'}`,
  );
  return `cubes:
  - name: ${yamlText(eventType)}
    sql_table: marts.fct_${eventType}_hourly
    measures:
      - name: total_events
        sql: total_events
        type: sum${sums.join('')}
    dimensions:
      - name: row_key
        sql: ${yamlText(key.join(" || '/' || "))}
        type: string
        primary_key: true
      - name: event_hour
        sql: event_hour
        type: time${slices.join('')}
`;
}

/** Quoted where YAML would read something else than this text. */
function yamlText(text: string): string {
  const isPlain = /^[a-z][a-z0-9_]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/.test(text);
  return isPlain ? text : JSON.stringify(text);
}
