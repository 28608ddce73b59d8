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
  const color = (name: string) => longHex(style.getPropertyValue(name).trim());
  return {
    lines: Array.from({ length: 8 }, (_, i) => color(`--line-${i + 1}`)),
    ink: color('--ink-3'),
    grid: color('--grid'),
    surface: color('--surface'),
    bad: color('--bad'),
    font: `11px ${style.getPropertyValue('--font')}`,
  };
}

/** `#abc` is short for `#aabbcc`; a style sheet that was made smaller uses it. */
function longHex(hex: string): string {
  return hex.length === 4 ? hex.replaceAll(/[\da-f]/gi, '$&$&') : hex;
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
