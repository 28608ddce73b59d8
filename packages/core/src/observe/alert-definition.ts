/** When an alert is in breach: a figure beyond a bound. */
export interface AlertCondition {
  /** Name of a system figure, such as `events_per_second`. */
  readonly figure: string;
  readonly above?: number;
  readonly below?: number;
}

/** What an alert does when it fires. The program carries it out, once per `coolDownMs`. */
export type AlertAction =
  | {
      readonly type: 'scale-partitions';
      readonly topic: string;
      /** Partitions are doubled up to this many. */
      readonly partitionsMax: number;
      /** Default 10 minutes. */
      readonly coolDownMs?: number;
      /** Writes down what would be done, and does nothing. */
      readonly dryRun?: boolean;
    }
  | {
      readonly type: 'check-sources';
      /** Default 1 minute. */
      readonly coolDownMs?: number;
      readonly dryRun?: boolean;
    };

export interface AlertDefinition {
  readonly name: string;
  /** One sentence for the alerts page. */
  readonly description: string;
  readonly when: AlertCondition;
  /** How long the breach must last before the alert fires. Default 0. */
  readonly forMs?: number;
  /** How long the figure must be back before the alert is resolved. Default 5,000. */
  readonly resolveAfterMs?: number;
  readonly actions?: readonly AlertAction[];
}

const definitions = new WeakSet<AlertDefinition>();

/**
 * Declares an alert rule.
 *
 * @example
 * ```ts
 * import { defineAlert } from '@millrace/core/observe';
 * export const quiet = defineAlert({
 *   name: 'low-throughput',
 *   description: 'Fewer than 100 events a second arrive.',
 *   when: { figure: 'events_per_second', below: 100 },
 *   forMs: 5_000,
 *   actions: [{ type: 'check-sources' }],
 * });
 * ```
 */
export function defineAlert(definition: AlertDefinition): AlertDefinition {
  definitions.add(definition);
  return definition;
}

/** True for what `defineAlert` made. */
export function isAlertDefinition(value: unknown): value is AlertDefinition {
  return typeof value === 'object' && value !== null && definitions.has(value as AlertDefinition);
}

/**
 * Whether `value` is beyond the condition's bound; an absent figure is no breach (nothing was measured yet).
 */
export function isBreach(condition: AlertCondition, value: number | undefined): boolean {
  if (value === undefined) return false;
  if (condition.above !== undefined && value > condition.above) return true;
  return condition.below !== undefined && value < condition.below;
}
