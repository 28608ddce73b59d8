import type { EventContract } from './event-contract.ts';
import { EVENT_ID_BYTES_MAX } from './event-validator.ts';
import { type JsonSchema, jsonSchemaOf } from './schema-columns.ts';

/** What everybody may know of an event type. */
export interface PublishedContract {
  readonly name: string;
  readonly version: number;
  readonly topic: string;
  /** Null: it has none. */
  readonly key: string | null;
  readonly idField: string;
  readonly timeField: string;
  readonly personal: readonly string[];
  /** JSON Schema 2020-12 of the whole event as it is sent, system fields included. */
  readonly schema: JsonSchema;
}

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** The contract for those who send or read its events without Millrace's own types. */
export function publishedContract(contract: EventContract): PublishedContract {
  const { name, version, topic, key = null, idField, timeField, personal } = contract;
  const own = jsonSchemaOf(contract.schema);
  const system: Record<string, JsonSchema> = {
    [idField]: { type: 'string', minLength: 1, maxLength: EVENT_ID_BYTES_MAX },
    event_type: { const: name },
    [timeField]: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }] },
  };
  const properties: Record<string, JsonSchema> = { ...system };
  for (const [field, schema] of Object.entries(own.properties ?? {})) {
    const implied = system[field];
    properties[field] = implied === undefined ? schema : { allOf: [implied, schema] };
  }
  const required = [...new Set([...Object.keys(system), ...(own.required ?? [])])];
  const schema: JsonSchema = { $schema: DIALECT, title: name, ...own, properties, required };
  return { name, version, topic, key, idField, timeField, personal, schema };
}
