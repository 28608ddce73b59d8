/**
 * ```
 *            breach                breach for forMs
 *   ok ───────────────▶ pending ───────────────────▶ firing ◀──────┐
 *    ▲                    │ clear                      │ clear     │ breach
 *    ├────────────────────┘                            ▼           │
 *    └──────────────── clear for resolveAfterMs ── resolving ──────┘
 * ```
 */
export type AlertPhase = 'ok' | 'pending' | 'firing' | 'resolving';
export type AlertSignal = 'breach' | 'breachLasted' | 'clear' | 'clearLasted';

/** Every phase meets every signal: a hole would not compile. */
export const ALERT_TRANSITIONS: Readonly<Record<AlertPhase, Readonly<Record<AlertSignal, AlertPhase>>>> = {
  ok: { breach: 'pending', breachLasted: 'firing', clear: 'ok', clearLasted: 'ok' },
  pending: { breach: 'pending', breachLasted: 'firing', clear: 'ok', clearLasted: 'ok' },
  firing: { breach: 'firing', breachLasted: 'firing', clear: 'resolving', clearLasted: 'ok' },
  resolving: { breach: 'firing', breachLasted: 'firing', clear: 'resolving', clearLasted: 'ok' },
};
