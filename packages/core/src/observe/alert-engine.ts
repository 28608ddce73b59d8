import { type Clock, type Logger, messageOf } from '../base/index.ts';
import { type AlertAction, type AlertDefinition, isBreach } from './alert-definition.ts';
import { ALERT_TRANSITIONS, type AlertPhase, type AlertSignal } from './alert-state.ts';
import type { SystemFigures } from './figures.ts';

/** Something that happened to an alert, as the audit trail keeps it. */
export interface AlertEntry {
  readonly timeMs: number;
  readonly alert: string;
  readonly type: 'fired' | 'resolved' | 'action';
  /** What happened, in words. */
  readonly text: string;
  /** The figure at that moment. */
  readonly value: number | undefined;
  /** For an action: whether it changed something. */
  readonly applied?: boolean;
}

export interface AlertStatus {
  readonly name: string;
  readonly description: string;
  readonly phase: AlertPhase;
  readonly value: number | undefined;
  readonly condition: AlertDefinition['when'];
  /** When the phase began. */
  readonly sinceMs: number;
}

/** What an action did: a refusal is an outcome too, with the reason. */
export interface ActionOutcome {
  readonly applied: boolean;
  readonly text: string;
}

/** Carries out what rules ask for. Never throws for a refusal. */
export type ActionRunner = (action: AlertAction) => Promise<ActionOutcome>;

/** Durable memory of what alerts and actions did. */
export interface AuditTrail {
  append(entry: AlertEntry): Promise<void>;
  /** Newest first. */
  entries(limit: number): readonly AlertEntry[];
}

export interface AlertEngineOptions {
  readonly alerts: readonly AlertDefinition[];
  readonly figures: SystemFigures;
  readonly audit: AuditTrail;
  readonly runAction: ActionRunner;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RESOLVE_AFTER_MS = 5_000;
const COOL_DOWN_MS = { 'scale-partitions': 600_000, 'check-sources': 60_000 } as const;

/** Evaluates each rule after every sample of the figures, and runs its actions when it fires. */
export class AlertEngine {
  readonly #options: AlertEngineOptions;
  readonly #tracked: TrackedAlert[];
  readonly #listeners = new Set<() => void>();
  readonly #running = new Set<Promise<void>>();
  #cancel: (() => void) | undefined;

  constructor(options: AlertEngineOptions) {
    this.#options = options;
    const nowMs = options.clock.nowMs();
    this.#tracked = options.alerts.map((definition) => new TrackedAlert(definition, nowMs));
  }

  start(): void {
    this.#cancel ??= this.#options.figures.onChange(() => this.evaluate());
  }

  /** Stops evaluating and waits for actions under way. */
  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await Promise.all(this.#running);
  }

  statuses(): readonly AlertStatus[] {
    return this.#tracked.map((alert) => alert.status());
  }

  /** Newest first. */
  history(limit = 100): readonly AlertEntry[] {
    return this.#options.audit.entries(limit);
  }

  /** Called when a phase changed or an action ended. Returns the cancellation. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Evaluates all rules on the figures of now. */
  evaluate(): void {
    const nowMs = this.#options.clock.nowMs();
    const figures = this.#options.figures.read();
    for (const alert of this.#tracked) {
      const before = alert.phase;
      alert.advance(figures[alert.definition.when.figure], nowMs);
      if (alert.phase === before) {
        if (alert.phase === 'firing') this.#act(alert, nowMs);
        continue;
      }
      this.#announce(alert, before, nowMs);
    }
  }

  #announce(alert: TrackedAlert, before: AlertPhase, nowMs: number): void {
    if (alert.phase === 'firing' && before !== 'resolving') {
      this.#record(alert, { timeMs: nowMs, type: 'fired', text: alert.describe() });
      this.#act(alert, nowMs);
    } else if (alert.phase === 'ok' && (before === 'resolving' || before === 'firing')) {
      this.#record(alert, { timeMs: nowMs, type: 'resolved', text: alert.describe() });
    }
    this.#changed();
  }

  #act(alert: TrackedAlert, nowMs: number): void {
    for (const action of alert.definition.actions ?? []) {
      const coolDownMs = action.coolDownMs ?? COOL_DOWN_MS[action.type];
      const lastMs = alert.lastActionMs.get(action);
      if (lastMs !== undefined && nowMs - lastMs < coolDownMs) continue;
      alert.lastActionMs.set(action, nowMs);
      const work = this.#run(alert, action).finally(() => this.#running.delete(work));
      this.#running.add(work);
    }
  }

  async #run(alert: TrackedAlert, action: AlertAction): Promise<void> {
    let outcome: ActionOutcome;
    try {
      outcome = await this.#options.runAction(action);
    } catch (error) {
      outcome = { applied: false, text: `${action.type} failed: ${messageOf(error)}` };
      this.#options.logger.error('alert action failed', { alert: alert.definition.name, error });
    }
    const timeMs = this.#options.clock.nowMs();
    this.#record(alert, { timeMs, type: 'action', text: outcome.text, applied: outcome.applied });
    this.#changed();
  }

  #record(alert: TrackedAlert, entry: Omit<AlertEntry, 'alert' | 'value'>): void {
    const work = this.#options.audit
      .append({ ...entry, alert: alert.definition.name, value: alert.value })
      .catch((error: unknown) => this.#options.logger.error('audit entry not stored', { error }))
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

class TrackedAlert {
  readonly definition: AlertDefinition;
  readonly lastActionMs = new Map<AlertAction, number>();
  phase: AlertPhase = 'ok';
  value: number | undefined;
  #sinceMs: number;

  constructor(definition: AlertDefinition, nowMs: number) {
    this.definition = definition;
    this.#sinceMs = nowMs;
  }

  advance(value: number | undefined, nowMs: number): void {
    this.value = value;
    const signal = this.#signal(isBreach(this.definition.when, value), nowMs - this.#sinceMs);
    const next = ALERT_TRANSITIONS[this.phase][signal];
    if (next === this.phase) return;
    this.phase = next;
    this.#sinceMs = nowMs;
  }

  #signal(breach: boolean, phaseMs: number): AlertSignal {
    const { forMs = 0, resolveAfterMs = RESOLVE_AFTER_MS } = this.definition;
    if (breach) {
      const lasted = forMs === 0 || (this.phase === 'pending' && phaseMs >= forMs);
      return lasted ? 'breachLasted' : 'breach';
    }
    const back = this.phase === 'resolving' && phaseMs >= resolveAfterMs;
    return back ? 'clearLasted' : 'clear';
  }

  describe(): string {
    const { figure, above, below } = this.definition.when;
    const bound = above === undefined ? `below ${below}` : `above ${above}`;
    const value = this.value === undefined ? 'not measured' : String(Math.round(this.value));
    const verb = this.phase === 'firing' ? bound : `no longer ${bound}`;
    return `${figure} is ${value}, ${verb}`;
  }

  status(): AlertStatus {
    const { name, description, when } = this.definition;
    return {
      name,
      description,
      phase: this.phase,
      value: this.value,
      condition: when,
      sinceMs: this.#sinceMs,
    };
  }
}
