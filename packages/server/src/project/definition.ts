import type { IngestLimits } from '@millrace/core/ingest';
import type { TopicConfig } from '@millrace/core/log';

/**
 * A process that runs beside the project: started when it serves, stopped before it stops, started again
 * when it fails. It gets `MILLRACE_URL`, `MILLRACE_STATE` (a folder for what it must remember) and, where
 * keys are set, `MILLRACE_KEY`. By messages to its parent, `process.send({ type: 'progress', label, done,
 * total })`, it shows progress on the page.
 */
export type Companion = ScriptCompanion | CommandCompanion;

export interface ScriptCompanion {
  readonly name: string;
  /** Path of a script, from the project folder. */
  readonly script: string;
  readonly args?: readonly string[];
}

export interface CommandCompanion {
  readonly name: string;
  /**
   * A command of `millrace` with its arguments, run in the project folder, such as `['import',
   * 'orders.csv']`. Exit code 0 is the end of its work; 2 means that it would only fail again: neither is
   * started again.
   */
  readonly command: readonly string[];
}

/** What `millrace.config.ts` exports. Everything but the name has a default. */
export interface ProjectDefinition {
  /** Letters, digits and dashes; shown on the page. */
  readonly name: string;
  /** Topics that differ from the default (4 partitions, keyed, 7 days). */
  readonly topics?: Readonly<Record<string, TopicConfig>>;
  readonly companions?: readonly Companion[];
  readonly auth?: {
    /** Keys that may send events. Binding beyond loopback needs at least one. */
    readonly ingestKeys?: readonly string[];
    /** Keys that may read the page and its figures beyond loopback. Without any, nobody may. */
    readonly pageKeys?: readonly string[];
    /** Secret (HS256) of the tokens that may ask for metrics; local readers need none while it is unset. */
    readonly querySecret?: string;
    /**
     * Claims in whose name the page asks for metrics, for access policies and row filters: whoever may open
     * the page sees what they allow. Default none.
     */
    readonly pageClaims?: Readonly<Record<string, unknown>>;
  };
  readonly http?: {
    /**
     * Names that the server is reached by, beyond the address that it listens on: a proxy's, a domain's.
     * Requests to any other name are refused.
     */
    readonly allowedHosts?: readonly string[];
  };
  /** Limits of what is accepted, and of the memory for deduplication. */
  readonly ingest?: Partial<IngestLimits> & {
    /** Events a second for each key. Default unlimited. */
    readonly eventsPerSecondMax?: number;
  };
  readonly warehouse?: {
    /** DuckDB's own memory limit. Default 256 MB. */
    readonly memoryBytesMax?: number;
  };
}

/**
 * Describes a project.
 *
 * @example
 * ```ts
 * import { defineProject } from 'millrace';
 * export default defineProject({ name: 'shop', topics: { clicks: { partitions: 8, keyed: false } } });
 * ```
 */
export function defineProject(definition: ProjectDefinition): ProjectDefinition {
  return definition;
}

/** In whose name the page asks for metrics. */
export function pageClaimsOf({
  definition,
}: {
  readonly definition: ProjectDefinition;
}): Readonly<Record<string, unknown>> {
  return definition.auth?.pageClaims ?? {};
}
