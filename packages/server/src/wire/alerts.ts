/** `GET /v1/alerts`, and the live query `{source: 'report', name: 'alerts'}`. */
export interface AlertsReport {
  readonly alerts: readonly AlertReport[];
  /** Newest first. */
  readonly history: readonly AlertHistoryEntry[];
}

export interface AlertReport {
  readonly name: string;
  readonly description: string;
  /** `pending`: in breach, not yet for long enough. `resolving`: back to normal, not yet for long enough. */
  readonly phase: 'ok' | 'pending' | 'firing' | 'resolving';
  /** The figure now; absent while nothing was measured. */
  readonly value?: number | undefined;
  readonly condition: { readonly figure: string; readonly above?: number; readonly below?: number };
  /** When the phase began. */
  readonly sinceMs: number;
  /** How long a breach must last. */
  readonly forMs?: number | undefined;
  readonly actions?: readonly AlertActionReport[] | undefined;
}

export interface AlertActionReport {
  readonly type: string;
  /** What it acts on, such as a topic. */
  readonly target?: string | undefined;
  readonly coolDownMs?: number | undefined;
  /** Writes down what would be done, and does nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface AlertHistoryEntry {
  readonly timeMs: number;
  readonly alert: string;
  readonly type: 'fired' | 'resolved' | 'action';
  readonly text: string;
  readonly value?: number | undefined;
  /** For an action: whether it changed something; a refusal and a dry run did not. */
  readonly applied?: boolean | undefined;
}
