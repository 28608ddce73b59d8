import type { ResultColumn } from './columns.ts';
import type { Model } from './manifest.ts';
import type { MergeColumns } from './merge-columns.ts';
import type { Relation } from './sql-text.ts';
import type { TimeKey } from './time-key.ts';

/** How a model is kept equal to its full SQL. */
export type ModelPlan = KeyedPlan | OtherPlan;

/**
 * Refreshed with every load, by the keys that changed:
 * - `append`: the model of the new rows alone is added; its parent never repeats a key;
 * - `merge`: the model of the new rows alone is merged into the rows of the same keys;
 * - `keys`: the rows of changed keys are computed again from the parents' rows of those keys.
 */
export interface KeyedPlan {
  readonly runs: 'keyed';
  readonly strategy: 'append' | 'merge' | 'keys';
  readonly model: Model;
  readonly columns: readonly ResultColumn[];
  /** The key: columns of the model, in order. */
  readonly grain: readonly string[];
  readonly parents: readonly KeyedParent[];
  /** The full SQL, reading each parent's `input` instead of the parent. */
  readonly boundSql: string;
  /** Present when the strategy is `merge`. */
  readonly merge: MergeColumns | undefined;
  /** The parse tree shows that no two rows have the same key. */
  readonly isUnique: boolean;
  /**
   * The parse tree shows that rows of different keys never meet; else the declaration is believed, and
   * sampled.
   */
  readonly isProven: boolean;
  /** The event time of its only parent, where each row has that of its parent rows, unchanged. */
  readonly timeColumn: string | undefined;
  readonly reason: string;
  readonly warnings: readonly string[];
}

/** A parent that changes. */
export interface KeyedParent {
  /** Whose changes these are: see `deltaId`. */
  readonly deltaId: string;
  readonly name: string;
  readonly relation: Relation;
  /** Columns that the loader and this room copy, by name. */
  readonly columns: readonly ResultColumn[];
  /** The event time of a source's rows, or of a model that passes it on. */
  readonly eventTime: string | undefined;
  /** The name under which `boundSql` reads it. */
  readonly input: string;
  /** For each key, the SQL expression over the parent's columns. */
  readonly keys: readonly string[];
  /** All columns that those expressions use, lower case. */
  readonly keyColumns: readonly string[];
  /** For each key, the range of a column in which its rows lie, where there is one. */
  readonly timeKeys: readonly (TimeKey | undefined)[];
}

/**
 * - `whole`: computed anew from the full SQL, on a slower clock paced by its own cost;
 * - `view`: computed when it is read;
 * - `inline`: part of the models that read it;
 * - `dbt`: left to dbt.
 */
export interface OtherPlan {
  readonly runs: 'whole' | 'view' | 'inline' | 'dbt';
  readonly model: Model;
  readonly columns: readonly ResultColumn[];
  readonly reason: string;
  readonly warnings: readonly string[];
}

/** A model and how it runs, for people. */
export interface PlannedModel {
  readonly name: string;
  /** `schema.table`. */
  readonly relation: string;
  readonly description: string;
  readonly materialized: string;
  readonly runs: 'append' | 'merge' | 'keys' | 'whole' | 'view' | 'inline' | 'dbt';
  /** One sentence: why it runs so. */
  readonly reason: string;
  readonly warnings: readonly string[];
  /**
   * For a live model: whether its SQL shows that the declared keys are right, or the declaration is believed.
   */
  readonly keys: 'proven' | 'declared' | undefined;
}

/** A source whose model compares with `as_of` changes when rows become due; another one when rows arrive. */
export function deltaId(sourceId: string, isHeldBack: boolean): string {
  return isHeldBack ? `${sourceId}#due` : sourceId;
}

export function describePlan(plans: readonly ModelPlan[]): PlannedModel[] {
  return plans.map((plan) => ({
    name: plan.model.name,
    relation: `${plan.model.relation.schema}.${plan.model.relation.name}`,
    description: plan.model.description,
    materialized: plan.model.materialized,
    runs: plan.runs === 'keyed' ? plan.strategy : plan.runs,
    reason: plan.reason,
    warnings: plan.warnings,
    keys: plan.runs !== 'keyed' ? undefined : plan.isProven ? 'proven' : 'declared',
  }));
}
