import { quoteName } from '@millrace/adapters/duckdb';
import { type FieldKind, type ImportPlan, type PlannedField, snakeCase } from '../import/index.ts';
import type { FieldProfile, FileProfile } from './column-profile.ts';

/** What a new project is made from. */
export interface ProjectPlan {
  /** Letters, digits and dashes. */
  readonly name: string;
  /** Also the topic, and the name of the cube. */
  readonly eventType: string;
  readonly fields: readonly ProjectField[];
  /** Text fields with few values: metrics can be sliced by them. At most three. */
  readonly dimensions: readonly ProjectField[];
  /** Amounts: metrics sum and average them. */
  readonly measures: readonly ProjectField[];
  /** In which steps the page shows the course of time. */
  readonly granularity: 'hour' | 'day' | 'month';
  /** The data file that the project's import companion sends; undefined without one. */
  readonly dataFile: string | undefined;
}

export interface ProjectField {
  readonly name: string;
  /** The name in SQL, quoted where it must be. */
  readonly sql: string;
  readonly kind: FieldKind;
  /** Some events come without it. */
  readonly isOptional: boolean;
  readonly isPersonal: boolean;
}

const DIMENSIONS_MAX = 3;
const MEASURES_MAX = 12;
/** A field with more values than this is no dimension: a mart by it would be as long as the data. */
const DISTINCT_MAX = 1000;
/** Of all dimensions together: as many rows may the mart have for each hour. */
const COMBINATIONS_MAX = 10_000;
const DAY_MS = 86_400_000;

/** Numbers that name things: neither a sum nor an average of them means anything. */
const NAMING_NUMBER = lastWord(
  'id key code zip zipcode postcode year month day week hour weekday number no nr phone index rank version row',
  'lat latitude lon lng longitude',
);
const PERSONAL = anyWord(
  'e_?mail phone mobile iban ssn passport first_?name last_?name full_?name surname street address ip',
  'birthday birth_?date date_of_birth',
);
/** Columns of the mart and members of the cube that are there whatever the data. */
const OWN_NAMES = new Set(['event_hour', 'total_events', 'row_key']);

/** A name for a project in this folder: letters, digits and dashes. */
export function projectName(folderName: string): string {
  return snakeCase(folderName, 'project').replaceAll('_', '-');
}

/** A project that shows what can be done, until its first own event type is written. */
export function examplePlan(name: string): ProjectPlan {
  const field = (fieldName: string, kind: FieldKind): ProjectField => ({
    name: fieldName,
    sql: fieldName,
    kind,
    isOptional: false,
    isPersonal: false,
  });
  const [page, country, duration] = [
    field('page', 'text'),
    field('country', 'text'),
    field('duration_ms', 'number'),
  ];
  return {
    name,
    eventType: 'visit',
    fields: [page, country, duration],
    dimensions: [page, country],
    measures: [duration],
    granularity: 'hour',
    dataFile: undefined,
  };
}

export interface FilePlanOptions {
  readonly name: string;
  readonly plan: ImportPlan;
  readonly profile: FileProfile;
  readonly rowCount: number;
  /** Path of the file. */
  readonly dataFile: string;
}

/** A project for one data file. */
export function planFromFile(options: FilePlanOptions): ProjectPlan {
  const { name, plan, profile, dataFile } = options;
  const fieldOf = ({ name: fieldName, kind }: PlannedField): ProjectField => ({
    name: fieldName,
    sql: profile.keywords.has(fieldName) ? quoteName(fieldName) : fieldName,
    kind,
    isOptional: (profile.fields.get(fieldName)?.missing ?? 1) > 0,
    isPersonal: kind === 'text' && PERSONAL.test(fieldName),
  });
  const fields = plan.fields.map(fieldOf);
  return {
    name,
    eventType: plan.eventType,
    fields,
    dimensions: dimensionsOf(fields, options),
    measures: fields.filter(isMeasure).slice(0, MEASURES_MAX),
    granularity: granularityOf(profile.spanMs),
    dataFile,
  };
}

function isMeasure({ name, kind }: ProjectField): boolean {
  return (kind === 'integer' || kind === 'number') && !NAMING_NUMBER.test(name);
}

function dimensionsOf(
  fields: readonly ProjectField[],
  { profile, rowCount }: FilePlanOptions,
): ProjectField[] {
  const distinct = ({ name }: ProjectField) => (profile.fields.get(name) as FieldProfile).distinct;
  const distinctMax = Math.min(DISTINCT_MAX, Math.max(20, rowCount / 5));
  const candidates = fields.filter((field) => {
    if (OWN_NAMES.has(field.name) || field.isPersonal || /^(total|counted|average)_/.test(field.name))
      return false;
    // A number that names one row each is an id.
    const isName =
      field.kind === 'integer' && NAMING_NUMBER.test(field.name) && distinct(field) <= rowCount / 2;
    if (field.kind !== 'text' && field.kind !== 'boolean' && !isName) return false;
    return distinct(field) >= 2 && distinct(field) <= distinctMax;
  });
  const chosen: ProjectField[] = [];
  let combinations = 1;
  for (const field of candidates.toSorted((a, b) => distinct(a) - distinct(b))) {
    combinations *= distinct(field);
    if (chosen.length === DIMENSIONS_MAX || combinations > COMBINATIONS_MAX) break;
    chosen.push(field);
  }
  return chosen;
}

/** Matches a snake_case name that ends with one of the words. */
function lastWord(...words: readonly string[]): RegExp {
  return new RegExp(`(^|_)(${words.join(' ').replaceAll(' ', '|')})$`);
}

/** Matches a snake_case name that holds one of the words. */
function anyWord(...words: readonly string[]): RegExp {
  return new RegExp(`(^|_)(${words.join(' ').replaceAll(' ', '|')})(_|$)`);
}

function granularityOf(spanMs: number | undefined): ProjectPlan['granularity'] {
  if (spanMs === undefined || spanMs <= 7 * DAY_MS) return 'hour';
  return spanMs <= 1100 * DAY_MS ? 'day' : 'month';
}
