import type { ProjectField, ProjectPlan } from './project-plan.ts';

/** The first dashboard of a new project. */
export function dashboardFile(plan: ProjectPlan): string {
  const { name, eventType, dimensions, measures, granularity } = plan;
  const tiles = [
    numberTile({ title: 'Events', measure: `${eventType}.total_events`, format: '{ style: compact }' }),
    eventsPerSecondTile(),
    ...measures.slice(0, 2).map((measure) =>
      numberTile({
        title: `Average ${words(measure)}`,
        measure: `${eventType}.average_${measure.name}`,
        format: '{ decimals: 2 }',
      }),
    ),
    seriesTile({ title: `Events by ${granularity}`, shape: 'area', measure: 'total_events', plan }),
    ...measures.slice(0, 1).map((measure) =>
      seriesTile({
        title: `Average ${words(measure)} by ${granularity}`,
        shape: 'line',
        measure: `average_${measure.name}`,
        plan,
      }),
    ),
    ...dimensions.map((dimension) => barTile(dimension, plan)),
    '  - title: Pipeline\n    kind: status',
  ];
  return `# One tile an entry; saving this file changes the page at once.
title: ${name}
tiles:
${tiles.join('\n\n')}
`;
}

function numberTile({ title, measure, format }: { title: string; measure: string; format: string }): string {
  return `  - title: ${title}
    kind: number
    format: ${format}
    query: { source: metrics, measures: [${measure}] }`;
}

function eventsPerSecondTile(): string {
  return `  - title: Events per second
    kind: number
    format: { decimals: 0, unit: /s }
    query: { source: system, figures: [events_last_second] }
    trend: { source: system, figures: [events_last_second], lastMs: 300000 }`;
}

interface SeriesTile {
  readonly title: string;
  readonly shape: 'area' | 'line';
  readonly measure: string;
  readonly plan: ProjectPlan;
}

function seriesTile({ title, shape, measure, plan }: SeriesTile): string {
  const { eventType, granularity } = plan;
  return `  - title: ${title}
    kind: series
    shape: ${shape}
    width: 6
    query:
      source: metrics
      measures: [${eventType}.${measure}]
      timeDimensions: [{ dimension: ${eventType}.event_hour, granularity: ${granularity} }]
      order: { ${eventType}.event_hour: asc }
      limit: 5000`;
}

function barTile(dimension: ProjectField, { eventType }: ProjectPlan): string {
  return `  - title: By ${words(dimension)}
    kind: bar
    width: 4
    query:
      source: metrics
      measures: [${eventType}.total_events]
      dimensions: [${eventType}.${dimension.name}]
      order: { ${eventType}.total_events: desc }
      limit: 10`;
}

function words({ name }: ProjectField): string {
  return name.replaceAll('_', ' ');
}
