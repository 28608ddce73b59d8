import { useSyncExternalStore } from 'react';

/** The colours of the style sheet (`#rrggbb`), as a canvas needs them. */
export interface ChartTheme {
  readonly lines: readonly string[];
  readonly ink: string;
  readonly grid: string;
  readonly surface: string;
  readonly bad: string;
  readonly font: string;
}

let theme: ChartTheme | undefined;
const listeners = new Set<() => void>();

function readTheme(): ChartTheme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    lines: Array.from({ length: 8 }, (_, i) => value(`--line-${i + 1}`)),
    ink: value('--ink-3'),
    grid: value('--grid'),
    surface: value('--surface'),
    bad: value('--bad'),
    font: `11px ${value('--font')}`,
  };
}

/** The system's theme or the reader's choice changed: charts are drawn anew. */
export function themeChanged(): void {
  theme = undefined;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useChartTheme(): ChartTheme {
  return useSyncExternalStore(subscribe, () => (theme ??= readTheme()));
}
