import type { DecimalMode } from './postgres-types.ts';

const brand = Symbol.for('millrace.postgres-source');

/** A Postgres database whose changes become events. */
export interface PostgresSourceDefinition {
  /** First part of the topics' names, `name.schema.table`: letters, digits, `_` and `-`. */
  readonly name: string;
  /** Such as `postgres://user:password@host:5432/shop`; keep the password in the environment. */
  readonly url: string;
  /** Names the tables, on the server. Default `millrace`. */
  readonly publication?: string;
  /**
   * The replication slot; belongs to this data folder alone. With another name than before, all tables are
   * read again. Default `millrace_` and the source's name.
   */
  readonly slot?: string;
  /** How `numeric` is written. Default `string`: every digit, also `NaN`. `precise` is Debezium's default. */
  readonly decimals?: DecimalMode;
}

/** A checked definition. */
export interface PostgresSource extends Required<PostgresSourceDefinition> {
  readonly [brand]: true;
}

/**
 * Describes a database to capture, in a file of the project's folder `sources`.
 *
 * @example
 * ```ts
 * import { definePostgresSource } from 'millrace';
 * export const shop = definePostgresSource({ name: 'shop', url: 'postgres://localhost:5432/shop' });
 * ```
 */
export function definePostgresSource(definition: PostgresSourceDefinition): PostgresSource {
  const { name } = definition;
  return {
    publication: 'millrace',
    slot: `millrace_${name.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')}`,
    decimals: 'string',
    ...definition,
    [brand]: true,
  };
}

/** True for what `definePostgresSource` made. */
export function isPostgresSource(value: unknown): value is PostgresSource {
  return typeof value === 'object' && value !== null && brand in value;
}
