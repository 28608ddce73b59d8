import type { AlertReport } from 'millrace/wire';
import { formatFigure } from '../format/figure-format.ts';
import { formatDuration } from '../format/number-format.ts';
import { titleOf } from '../format/value-format.ts';
import type { Tone } from '../parts/pill.tsx';

export const phaseLook: Readonly<
  Record<AlertReport['phase'], { readonly tone: Tone; readonly text: string }>
> = {
  ok: { tone: 'good', text: 'OK' },
  pending: { tone: 'warn', text: 'Pending' },
  firing: { tone: 'bad', text: 'Firing' },
  resolving: { tone: 'warn', text: 'Resolving' },
};

/** `high-latency` → `High latency`. */
export function alertTitle(name: string): string {
  return titleOf(name.replaceAll('-', '_'));
}

/** `Events per second below 100/s for 3 s`. */
export function conditionText({ condition, forMs }: AlertReport): string {
  const { figure, above, below } = condition;
  const bounds = [
    above === undefined ? undefined : `above ${formatFigure(figure, above)}`,
    below === undefined ? undefined : `below ${formatFigure(figure, below)}`,
  ].filter((bound) => bound !== undefined);
  const lasting = forMs === undefined || forMs === 0 ? '' : ` for ${formatDuration(forMs)}`;
  return `${figureTitle(figure)} ${bounds.join(' or ')}${lasting}`;
}

/** The name without the unit that its value carries. */
export function figureTitle(figure: string): string {
  return titleOf(figure.replace(/_(ms|bytes)$/, ''));
}

const severity: Readonly<Record<AlertReport['phase'], number>> = {
  firing: 0,
  resolving: 1,
  pending: 2,
  ok: 3,
};

/** The firing ones first, else as declared. */
export function bySeverity(alerts: readonly AlertReport[]): AlertReport[] {
  return alerts.toSorted((one, other) => severity[one.phase] - severity[other.phase]);
}
