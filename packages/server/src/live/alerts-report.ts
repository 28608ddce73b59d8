import type { LiveReport } from '@millrace/core/live';
import type { AlertAction, AlertDefinition, AlertEngine } from '@millrace/core/observe';
import type { AlertActionReport, AlertsReport } from '../wire/index.ts';

export interface AlertsReportOptions {
  readonly engine: Pick<AlertEngine, 'statuses' | 'history' | 'onChange'>;
  readonly definitions: readonly AlertDefinition[];
  /** The figures that the rules read: an alert's value changes with them. */
  readonly figures: { onChange(listener: () => void): () => void };
}

const historyMax = 100;

/** The state of every rule, and what happened last. */
export function alertsReport({ engine, definitions, figures }: AlertsReportOptions): LiveReport {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const read = (): AlertsReport => ({
    alerts: engine.statuses().map((status) => {
      const definition = byName.get(status.name);
      return { ...status, forMs: definition?.forMs, actions: (definition?.actions ?? []).map(reportOf) };
    }),
    history: engine.history(historyMax),
  });
  return {
    read: () => ({ ...read() }),
    onChange(listener) {
      const cancelEngine = engine.onChange(listener);
      const cancelFigures = figures.onChange(listener);
      return () => {
        cancelEngine();
        cancelFigures();
      };
    },
  };
}

function reportOf(action: AlertAction): AlertActionReport {
  const { type, coolDownMs, dryRun } = action;
  return { type, coolDownMs, dryRun, target: 'topic' in action ? action.topic : undefined };
}
