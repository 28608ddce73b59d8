import { Object as ObjectType, ObjectOptions, Unknown, IsObject } from 'typebox';
import type { Static, TObject, TProperties, TSchema } from 'typebox';
import { timestampMs } from '../base/index.ts';
import { fail } from './errors.ts';
import { EventValidator, type Violation } from './event-validator.ts';
import { columnTypeOf, jsonSchemaOf } from './schema-columns.ts';
import type { Column } from './table-schema.ts';

/** Any event as it comes off the wire or the log. */
export interface AnyEvent {
  readonly event_type: string;
  readonly [field: string]: unknown;
}

/** What `defineEvent` takes. */
export interface EventDefinition<
  Name extends string,
  Fields extends TProperties,
  Id extends string,
  Time extends string,
> {
  /** The event's `event_type`: small letters, digits and underscores. */
  readonly name: Name;
  /** Grows by one with each change of the schema; 1 at first. */
  readonly version: number;
  /** Default `events`. */
  readonly topic?: string;
  /**
   * The event's own fields, as `Type.Object`. The system fields (event id, `event_type`, event time) are
   * implied. Fields that are not listed are accepted and kept in the log, unless the object says
   * `additionalProperties: false`.
   */
  readonly schema: TObject<Fields>;
  /**
   * The field whose value decides the partition: text or integer, not optional. None: any partition may take
   * the event.
   */
  readonly key?: NoInfer<(keyof Fields & string) | Id>;
  /** The field with the event time. Default `event_timestamp`. */
  readonly time?: Time;
  /** The field with the event's id. Default `event_id`. */
  readonly id?: Id;
  /** Fields that hold personal data. */
  readonly personal?: readonly NoInfer<keyof Fields & string>[];
}

/** The fields that every event carries. */
export type SystemFields<Name extends string, Id extends string, Time extends string> = {
  event_type: Name;
} & { [Field in Id]: string } & { [Field in Time]: string | number };

type Flat<T> = { [Field in keyof T]: T[Field] };

/** The TypeScript type of a contract's events: `type Purchase = EventOf<typeof purchase>`. */
export type EventOf<Contract> = Contract extends EventContract<infer Event> ? Event : never;

const brand = Symbol.for('millrace.event-contract');

/** One event type: what its events look like and where they go. Made by `defineEvent`. */
export interface EventContract<Event = AnyEvent> {
  readonly [brand]: true;
  readonly name: string;
  readonly version: number;
  readonly topic: string;
  /** The schema of the event's own fields, as it was given. */
  readonly schema: TSchema;
  readonly key: string | undefined;
  readonly timeField: string;
  readonly idField: string;
  readonly personal: readonly string[];
  /** One for each field of the schema, without the system fields. */
  readonly columns: readonly Column[];
  /** Schema and system fields, yes or no: some 100 ns. */
  isValid(event: unknown): event is Event;
  /** The reason why an event is not valid; undefined when it is. */
  violation(event: unknown): Violation | undefined;
  /** The event id of a valid event. */
  idOf(event: AnyEvent): string;
  /** The key of a valid event as text; undefined where the contract has none. */
  keyOf(event: AnyEvent): string | undefined;
  /** Event time in milliseconds; `NaN` when it is missing or malformed. */
  timeMsOf(event: AnyEvent): number;
}

/** True for what `defineEvent` returned. */
export function isEventContract(value: unknown): value is EventContract {
  return typeof value === 'object' && value !== null && brand in value;
}

/**
 * Describes one event type. The schema gives the TypeScript type, the validator and the table's columns.
 * `CONTRACT_BAD_DEFINITION` names what is wrong with it.
 *
 * @example
 * ```ts
 * import { defineEvent, Type } from 'millrace';
 * export const signUp = defineEvent({
 *   name: 'sign_up',
 *   version: 1,
 *   key: 'user_id',
 *   personal: ['email'],
 *   schema: Type.Object({ user_id: Type.String(), email: Type.String({ maxLength: 254 }) }),
 * });
 * ```
 */
export function defineEvent<
  const Name extends string,
  Fields extends TProperties,
  const Id extends string = 'event_id',
  const Time extends string = 'event_timestamp',
>(
  definition: EventDefinition<Name, Fields, Id, Time>,
): EventContract<Flat<SystemFields<Name, Id, Time> & Static<TObject<Fields>>>> {
  const { name, version, topic = 'events', schema, key, personal = [] } = definition;
  const timeField = definition.time ?? 'event_timestamp';
  const idField = definition.id ?? 'event_id';
  const refuse = (message: string): never => {
    throw fail('CONTRACT_BAD_DEFINITION', {
      message: `Event '${name}': ${message}`,
      details: { event: name },
    });
  };

  checkNames({ name, version, topic }, refuse);
  if (!IsObject(schema)) refuse('its schema must be made by Type.Object({ … }).');
  const columns = columnsOf(schema, personal, refuse);
  checkSystemFields({ schema, columns, idField, timeField }, refuse);
  if (key !== undefined && key !== idField) checkKey(schema, key, refuse);

  const validator = new EventValidator({
    name,
    schema: closedWithSystemFields(schema, ['event_type', idField, timeField]),
    idField,
    timeField,
    columns,
  });
  const contract: EventContract = {
    [brand]: true,
    name,
    version,
    topic,
    schema,
    key,
    timeField,
    idField,
    personal,
    columns,
    isValid: (event): event is AnyEvent => validator.isValid(event),
    violation: (event) => validator.violation(event),
    idOf: (event) => event[idField] as string,
    keyOf: (event) => {
      if (key === undefined) return undefined;
      const value = event[key];
      return typeof value === 'string' ? value : String(value);
    },
    timeMsOf: (event) => timestampMs(event[timeField]),
  };
  return Object.freeze(contract) as EventContract<
    Flat<SystemFields<Name, Id, Time> & Static<TObject<Fields>>>
  >;
}

type Refuse = (message: string) => never;

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Columns that the loader adds to each raw table. */
const RESERVED_COLUMNS = ['ingest_seq', 'received_at', 'log_partition', 'log_offset'];

function checkNames(names: { name: string; version: number; topic: string }, refuse: Refuse): void {
  if (!NAME.test(names.name)) refuse('its name must be small letters, digits and underscores, at most 63.');
  if (!Number.isSafeInteger(names.version) || names.version < 1)
    refuse('its version must be a whole number from 1.');
  if (!NAME.test(names.topic))
    refuse(`topic '${names.topic}' must be small letters, digits and underscores.`);
  if (names.topic === 'dead_letters') refuse("topic 'dead_letters' is where rejected events go.");
}

function columnsOf(schema: TObject, personal: readonly string[], refuse: Refuse): Column[] {
  for (const field of personal) {
    if (!(field in schema.properties)) refuse(`personal field '${field}' is not in its schema.`);
  }
  return Object.entries(schema.properties).map(([name, field]) => {
    if (!NAME.test(name))
      refuse(`field '${name}' must be small letters, digits and underscores: it names a column.`);
    if (RESERVED_COLUMNS.includes(name))
      refuse(`field '${name}' has the name of a column that loading adds.`);
    const type = columnTypeOf(jsonSchemaOf(field));
    if (typeof type !== 'string') return refuse(`field '${name}': ${type.problem}.`);
    return { name, type, personal: personal.includes(name) };
  });
}

interface SystemFieldCheck {
  readonly schema: TObject;
  readonly columns: readonly Column[];
  readonly idField: string;
  readonly timeField: string;
}

function checkSystemFields(check: SystemFieldCheck, refuse: Refuse): void {
  const { schema, columns, idField, timeField } = check;
  if (new Set([idField, timeField, 'event_type']).size < 3)
    refuse('id, time and event_type must be three fields.');
  if (!NAME.test(idField) || !NAME.test(timeField)) refuse('id and time must name fields in small letters.');
  for (const column of columns) {
    const isSystem = column.name === idField || column.name === timeField || column.name === 'event_type';
    if (!isSystem) continue;
    if (column.name === 'event_type') refuse("field 'event_type' is implied: leave it out of the schema.");
    if (!isRequired(schema, column.name)) refuse(`field '${column.name}' must not be optional.`);
    const isId = column.name === idField;
    const wanted = isId ? ['varchar'] : ['timestamp', 'varchar', 'bigint'];
    if (wanted.includes(column.type)) continue;
    refuse(
      `field '${column.name}' is the ${isId ? 'id: it must be text' : 'time: it must be text or integer'}.`,
    );
  }
}

function checkKey(schema: TObject, key: string, refuse: Refuse): void {
  const field = schema.properties[key];
  if (field === undefined) return refuse(`key '${key}' is not in its schema.`);
  if (!isRequired(schema, key)) refuse(`key '${key}' must not be optional.`);
  const { anyOf, type } = jsonSchemaOf(field);
  const types = anyOf === undefined ? [type] : anyOf.map((branch) => branch.type);
  if (!types.every((each) => each === 'string' || each === 'integer'))
    refuse(`key '${key}' must be text or an integer.`);
}

function isRequired(schema: TObject, field: string): boolean {
  return jsonSchemaOf(schema).required?.includes(field) === true;
}

/** A schema that allows no other fields must still let the system fields pass. */
function closedWithSystemFields(schema: TObject, systemFields: readonly string[]): TSchema {
  const { additionalProperties } = jsonSchemaOf(schema);
  if (additionalProperties === undefined || additionalProperties === true) return schema;
  const implied = Object.fromEntries(systemFields.map((field) => [field, Unknown()]));
  return ObjectType({ ...implied, ...schema.properties }, ObjectOptions(schema));
}
