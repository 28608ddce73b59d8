/** The system watching itself: latency and rate windows, figures, alert rules with actions. */
export {
  type AlertAction,
  type AlertCondition,
  type AlertDefinition,
  defineAlert,
  isAlertDefinition,
} from './alert-definition.ts';
export {
  type ActionOutcome,
  type ActionRunner,
  AlertEngine,
  type AlertEntry,
  type AlertStatus,
  type AuditTrail,
} from './alert-engine.ts';
export type { AlertPhase } from './alert-state.ts';
export { FigureBoard, type FigureProbe, type FigureSample, type SystemFigures } from './figures.ts';
export { LatencyWindow } from './latency-window.ts';
export { RateWindow } from './rate-window.ts';
