import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { messageOf } from '../base/index.ts';
import { fail } from './errors.ts';
import type { EventContract } from './event-contract.ts';
import { type JsonSchema, jsonSchemaOf } from './schema-columns.ts';

/** One event type as the data folder was last opened with it. */
export interface ContractRecord {
  readonly name: string;
  readonly version: number;
  readonly topic: string;
  /** Null: it has none. */
  readonly key: string | null;
  readonly idField: string;
  readonly timeField: string;
  readonly schema: JsonSchema;
  /** Name → type of every column that it has ever had, without the system fields. */
  readonly columns: Readonly<Record<string, string>>;
  /** True when the project had no contract of this name any more. */
  readonly isGone: boolean;
}

const FORMAT = 1;

const RECORDS = Type.Object({
  format: Type.Literal(FORMAT),
  events: Type.Array(
    Type.Object({
      name: Type.String(),
      version: Type.Integer({ minimum: 1 }),
      topic: Type.String(),
      key: Type.Union([Type.String(), Type.Null()]),
      idField: Type.String(),
      timeField: Type.String(),
      schema: Type.Unsafe<JsonSchema>(
        Type.Object({ type: Type.Literal('object'), properties: Type.Object({}) }),
      ),
      columns: Type.Record(Type.String(), Type.String()),
      isGone: Type.Boolean(),
    }),
  ),
});

/** What is to be remembered after a start with `contracts`, in the order of the names. */
export function recordsOf(
  contracts: readonly EventContract[],
  before: readonly ContractRecord[],
): ContractRecord[] {
  const names = new Set(contracts.map(({ name }) => name));
  const gone = before.filter(({ name }) => !names.has(name)).map((record) => ({ ...record, isGone: true }));
  const current = contracts.map((contract): ContractRecord => {
    const { name, version, topic, key = null, idField, timeField } = contract;
    const known = before.find((record) => record.name === name);
    const columns = { ...known?.columns };
    for (const column of ownColumns(contract)) columns[column.name] = column.type;
    const schema = jsonSchemaOf(contract.schema);
    return { name, version, topic, key, idField, timeField, schema, columns, isGone: false };
  });
  return [...gone, ...current].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** The columns that the contract's own fields decide. */
export function ownColumns({ columns, idField, timeField }: EventContract): EventContract['columns'] {
  return columns.filter(({ name }) => name !== idField && name !== timeField);
}

export function encodeRecords(records: readonly ContractRecord[]): string {
  return `${JSON.stringify({ format: FORMAT, events: records }, null, 2)}\n`;
}

/** `file` is named by `CONTRACT_RECORD_UNREADABLE`. */
export function decodeRecords(text: string, file: string): readonly ContractRecord[] {
  const refuse = (reason: string, cause?: unknown) =>
    fail('CONTRACT_RECORD_UNREADABLE', { message: `${file}: ${reason}`, details: { file }, cause });
  let contents: unknown;
  try {
    contents = JSON.parse(text);
  } catch (cause) {
    throw refuse(messageOf(cause), cause);
  }
  const format = (contents as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > FORMAT) {
    throw refuse(`it has format ${format}; this version knows formats up to ${FORMAT}.`);
  }
  if (!Compile(RECORDS).Check(contents)) throw refuse('it does not hold what this version writes there.');
  return contents.events;
}
