import type { TSchema } from 'typebox';
import type { ColumnType } from './table-schema.ts';

/** The JSON Schema keywords that decide a column; TypeBox types are JSON Schema objects. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly additionalProperties?: boolean | JsonSchema;
  /** Millrace's own keyword: the column type where the default is not wanted, such as `decimal(18,2)`. */
  readonly column?: string;
  readonly [keyword: string]: unknown;
}

/** Every TypeBox type is one; its own type hides the keywords. */
export function jsonSchemaOf(type: TSchema): JsonSchema {
  return type as JsonSchema;
}

const DECIMAL = /^decimal\((\d{1,2}),(\d{1,2})\)$/;

/** Which `column` overrides a field's own column type allows. */
const OVERRIDES: Readonly<Record<string, readonly string[]>> = {
  bigint: ['double', 'timestamp', 'decimal', 'json'],
  double: ['decimal', 'json'],
  varchar: ['json'],
  timestamp: ['varchar', 'json'],
  date: ['varchar', 'json'],
  boolean: ['json'],
  json: [],
};

/**
 * The column of a field: text → varchar (`format: 'date-time'` → timestamp, `'date'` → date), integer →
 * bigint, number → double, boolean → boolean; a union with null takes the type of the rest; literals and
 * enums the type of their values; everything else → json. Returns the reason where a field cannot be a
 * column.
 */
export function columnTypeOf(schema: JsonSchema): ColumnType | { readonly problem: string } {
  const type = naturalType(schema);
  if (typeof type !== 'string' || schema.column === undefined) return type;
  return overriddenType(type, schema.column);
}

/** Precision and scale of `decimal(p,s)`; undefined for other types. */
export function decimalOf(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const match = DECIMAL.exec(type);
  if (match === null) return undefined;
  return { precision: Number(match[1]), scale: Number(match[2]) };
}

function overriddenType(natural: ColumnType, wanted: string): ColumnType | { readonly problem: string } {
  if (wanted === natural) return natural;
  const decimal = decimalOf(wanted);
  if (
    decimal !== undefined &&
    (decimal.precision < 1 || decimal.precision > 38 || decimal.scale > decimal.precision)
  ) {
    return { problem: `column '${wanted}' is out of range: decimal(1 to 38, 0 to precision)` };
  }
  const allowed = OVERRIDES[natural] ?? [];
  if (!allowed.includes(decimal === undefined ? wanted : 'decimal')) {
    return { problem: `column '${wanted}' cannot hold this field; its own type is ${natural}` };
  }
  return wanted as ColumnType;
}

function naturalType(schema: JsonSchema): ColumnType | { readonly problem: string } {
  if (schema.anyOf !== undefined) return typeOfUnion(schema.anyOf);
  if (schema.enum !== undefined) return typeOfValues(schema.enum);
  if ('const' in schema) return typeOfValues([schema.const]);
  switch (schema.type) {
    case 'string':
      return schema.format === 'date-time' ? 'timestamp' : schema.format === 'date' ? 'date' : 'varchar';
    case 'integer':
      return 'bigint';
    case 'number':
      return 'double';
    case 'boolean':
      return 'boolean';
    case 'object':
    case 'array':
    case 'null':
    case undefined:
      return 'json';
    default:
      return { problem: `type '${schema.type}' does not exist in JSON` };
  }
}

function typeOfUnion(branches: readonly JsonSchema[]): ColumnType | { readonly problem: string } {
  const present = branches.filter((branch) => branch.type !== 'null');
  const types = present.map((branch) => columnTypeOf(branch));
  const broken = types.find((type) => typeof type !== 'string');
  if (broken !== undefined) return broken;
  return commonType(types as ColumnType[]);
}

function typeOfValues(values: readonly unknown[]): ColumnType {
  const present = values.filter((value) => value !== null);
  return commonType(
    present.map((value) => {
      if (typeof value === 'string') return 'varchar';
      if (typeof value === 'boolean') return 'boolean';
      return typeof value === 'number' ? (Number.isInteger(value) ? 'bigint' : 'double') : 'json';
    }),
  );
}

function commonType(types: readonly ColumnType[]): ColumnType {
  const distinct = new Set(types);
  if (distinct.size === 1) return types[0] as ColumnType;
  const isNumeric = distinct.size === 2 && distinct.has('bigint') && distinct.has('double');
  return isNumeric ? 'double' : 'json';
}
