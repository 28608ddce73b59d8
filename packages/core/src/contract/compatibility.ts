import type { EventContract } from './event-contract.ts';
import type { Column } from './table-schema.ts';
import { columnTypeOf, jsonSchemaOf, type JsonSchema } from './schema-columns.ts';

/**
 * - `backward`: who knows the new version can read events of the old one;
 * - `forward`: who knows the old version can read events of the new one;
 * - `full`: both.
 */
export type CompatibilityMode = 'backward' | 'forward' | 'full';

export interface CompatibilityProblem {
  readonly direction: 'backward' | 'forward';
  /** JSON pointer to the field. */
  readonly path: string;
  readonly message: string;
}

/** What a version of an event type says of its events. */
export type ContractShape = Pick<EventContract, 'schema' | 'columns'>;

/**
 * What stands between two versions of one event type; empty when they are compatible. It errs on the side of
 * reporting: a changed pattern or format counts as a problem, because whether it is wider cannot be known.
 */
export function checkCompatibility(
  older: ContractShape,
  newer: ContractShape,
  mode: CompatibilityMode = 'full',
): CompatibilityProblem[] {
  const problems: CompatibilityProblem[] = [];
  const one = jsonSchemaOf(older.schema);
  const other = jsonSchemaOf(newer.schema);
  if (mode !== 'forward') new Reading('backward', problems).compare(other, one, '');
  if (mode !== 'backward') new Reading('forward', problems).compare(one, other, '');
  problems.push(...compareColumns(older.columns, newer.columns));
  return problems;
}

/** A raw table's column keeps its type for good, whichever side reads. */
export function compareColumns(older: readonly Column[], newer: readonly Column[]): CompatibilityProblem[] {
  return newer.flatMap((column) => {
    const before = older.find((each) => each.name === column.name);
    if (before === undefined || before.type === column.type) return [];
    const path = `/${column.name}`;
    const message = `${path} would turn its column from ${before.type} to ${column.type}: take a new name`;
    return [{ direction: 'backward', path, message }];
  });
}

const LOWER_BOUNDS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const EXACT = [
  'pattern',
  'format',
  'multipleOf',
  'uniqueItems',
  'patternProperties',
  'contains',
  'not',
  'allOf',
  '$ref',
];

/** Asks whether a reader's schema takes whatever a writer's schema allows. */
class Reading {
  readonly #direction: 'backward' | 'forward';
  readonly #problems: CompatibilityProblem[];

  constructor(direction: 'backward' | 'forward', problems: CompatibilityProblem[]) {
    this.#direction = direction;
    this.#problems = problems;
  }

  compare(reader: JsonSchema, writer: JsonSchema, path: string): void {
    if (isAnything(reader)) return;
    if (reader.anyOf !== undefined || writer.anyOf !== undefined)
      return this.#compareUnions(reader, writer, path);
    const values = valuesOf(reader);
    if (values !== undefined) return this.#compareValues(values, writer, path);
    if (!takesType(reader, writer)) {
      return this.#report(path, `${nameOf(writer)} is not ${nameOf(reader)}`);
    }
    this.#compareBounds(reader, writer, path);
    if (reader.type === 'object') this.#compareObjects(reader, writer, path);
    if (reader.type === 'array') this.#compareItems(reader, writer, path);
  }

  #compareUnions(reader: JsonSchema, writer: JsonSchema, path: string): void {
    const readers = reader.anyOf ?? [reader];
    for (const branch of writer.anyOf ?? [writer]) {
      if (readers.some((each) => isReadable(each, branch))) continue;
      this.#report(path, `${nameOf(branch)} is not among ${readers.map(nameOf).join(', ')}`);
    }
  }

  #compareValues(values: readonly unknown[], writer: JsonSchema, path: string): void {
    const written = valuesOf(writer);
    if (written === undefined)
      return this.#report(path, `${nameOf(writer)} is not limited to ${JSON.stringify(values)}`);
    for (const value of written) {
      if (!values.includes(value))
        this.#report(path, `value ${JSON.stringify(value)} is unknown to the reader`);
    }
  }

  #compareBounds(reader: JsonSchema, writer: JsonSchema, path: string): void {
    for (const bound of LOWER_BOUNDS) {
      const limit = Number(reader[bound] ?? -Infinity);
      if (Number(writer[bound] ?? -Infinity) < limit)
        this.#report(path, `${bound} ${limit} excludes what is written`);
    }
    for (const bound of UPPER_BOUNDS) {
      const limit = Number(reader[bound] ?? Infinity);
      if (Number(writer[bound] ?? Infinity) > limit)
        this.#report(path, `${bound} ${limit} excludes what is written`);
    }
    for (const keyword of EXACT) {
      if (reader[keyword] === undefined) continue;
      if (JSON.stringify(reader[keyword]) === JSON.stringify(writer[keyword])) continue;
      this.#report(path, `${keyword} differs`);
    }
  }

  #compareObjects(reader: JsonSchema, writer: JsonSchema, path: string): void {
    const written = writer.properties ?? {};
    for (const field of reader.required ?? []) {
      if (writer.required?.includes(field) !== true)
        this.#report(`${path}/${field}`, 'is required, but may be missing');
    }
    for (const [field, schema] of Object.entries(reader.properties ?? {})) {
      const other = written[field];
      if (other !== undefined) this.compare(schema, other, `${path}/${field}`);
    }
    if (reader.additionalProperties !== false) return;
    if (writer.additionalProperties !== false)
      this.#report(path, 'no other fields are allowed, but may be written');
    for (const field of Object.keys(written)) {
      if (reader.properties?.[field] === undefined)
        this.#report(`${path}/${field}`, 'is unknown to the reader');
    }
  }

  #compareItems(reader: JsonSchema, writer: JsonSchema, path: string): void {
    if (reader.items === undefined) return;
    if (isSchema(reader.items) && isSchema(writer.items))
      return this.compare(reader.items, writer.items, `${path}/*`);
    if (JSON.stringify(reader.items) !== JSON.stringify(writer.items)) this.#report(path, 'items differ');
  }

  #report(path: string, message: string): void {
    this.#problems.push({ direction: this.#direction, path, message: `${path} ${message}`.trim() });
  }
}

function isReadable(reader: JsonSchema, writer: JsonSchema): boolean {
  const problems: CompatibilityProblem[] = [];
  new Reading('backward', problems).compare(reader, writer, '');
  return problems.length === 0;
}

function isSchema(items: JsonSchema['items']): items is JsonSchema {
  return items !== undefined && !Array.isArray(items);
}

function isAnything(schema: JsonSchema): boolean {
  return (
    schema.type === undefined &&
    schema.anyOf === undefined &&
    valuesOf(schema) === undefined &&
    schema.allOf === undefined
  );
}

function takesType(reader: JsonSchema, writer: JsonSchema): boolean {
  const written = writer.type ?? typeOfValues(valuesOf(writer));
  return reader.type === written || (reader.type === 'number' && written === 'integer');
}

function typeOfValues(values: readonly unknown[] | undefined): string | undefined {
  if (values === undefined || values.length === 0) return undefined;
  const types = new Set(
    values.map((value) => (value === null ? 'null' : Number.isInteger(value) ? 'integer' : typeof value)),
  );
  if (types.size === 2 && types.has('integer') && types.has('number')) return 'number';
  return types.size === 1 ? [...types][0] : undefined;
}

function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if (schema.enum !== undefined) return schema.enum;
  return 'const' in schema ? [schema.const] : undefined;
}

function nameOf(schema: JsonSchema): string {
  const values = valuesOf(schema);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  const type = columnTypeOf(schema);
  return schema.type ?? (typeof type === 'string' ? type : 'anything');
}
