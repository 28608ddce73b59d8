import type { ImportPlan, PlannedField } from '../import/index.ts';

/** What a new project is made from. */
export interface ProjectPlan {
  /** Letters, digits and dashes. */
  readonly name: string;
  readonly eventType: string;
  readonly fields: readonly PlannedField[];
  /** Text fields with few values: metrics can be sliced by them. At most three. */
  readonly dimensions: readonly string[];
  /** Number fields: metrics sum and average them. */
  readonly measures: readonly string[];
  /** The data file that the project's import companion sends; undefined without one. */
  readonly dataFile: string | undefined;
  readonly timeColumn: string | undefined;
}

const DIMENSIONS_MAX = 3;
/** A text with more values than this is no dimension: a mart by it would be as long as the data. */
const DISTINCT_MAX = 1000;

/** A project that shows what can be done, until its first own event type is written. */
export function examplePlan(name: string): ProjectPlan {
  const field = (fieldName: string, kind: PlannedField['kind']): PlannedField => ({
    name: fieldName,
    kind,
    column: { name: fieldName, type: kind },
  });
  return {
    name,
    eventType: 'visit',
    fields: [field('page', 'text'), field('country', 'text'), field('duration_ms', 'number')],
    dimensions: ['page', 'country'],
    measures: ['duration_ms'],
    dataFile: undefined,
    timeColumn: undefined,
  };
}

/** A project for one data file. `distinct` says how many values each text field has. */
export function planFromFile(options: {
  name: string;
  plan: ImportPlan;
  dataFile: string;
  distinct: ReadonlyMap<string, number>;
}): ProjectPlan {
  const { name, plan, dataFile, distinct } = options;
  const few = (field: PlannedField) => (distinct.get(field.name) ?? Infinity) <= DISTINCT_MAX;
  const texts = plan.fields.filter((field) => (field.kind === 'text' || field.kind === 'boolean') && few(field));
  const byFewest = texts.toSorted((a, b) => (distinct.get(a.name) ?? 0) - (distinct.get(b.name) ?? 0));
  return {
    name,
    eventType: plan.eventType,
    fields: plan.fields,
    dimensions: byFewest.slice(0, DIMENSIONS_MAX).map((field) => field.name),
    measures: plan.fields.filter((field) => field.kind === 'integer' || field.kind === 'number').map((field) => field.name),
    dataFile,
    timeColumn: plan.timeColumn,
  };
}
