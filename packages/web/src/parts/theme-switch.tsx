import { useEffect, useState } from 'react';
import { themeChanged } from '../chart/chart-theme.ts';

type Theme = 'auto' | 'light' | 'dark';

const storageKey = 'millrace.theme';
const next: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' };
const names: Readonly<Record<Theme, string>> = { auto: 'as the system', light: 'light', dark: 'dark' };

/** Light, dark, or as the system has it. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    media.addEventListener('change', themeChanged);
    return () => media.removeEventListener('change', themeChanged);
  }, []);
  const choose = () => {
    const chosen = next[theme];
    setTheme(chosen);
    applyTheme(chosen);
    themeChanged();
  };
  return (
    <button type="button" className="icon-button" onClick={choose} title={`Colours: ${names[theme]}`}>
      <span className="hidden">Colours: {names[theme]}. Change</span>
      <ThemeIcon theme={theme} />
    </button>
  );
}

function ThemeIcon({ theme }: { readonly theme: Theme }) {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <circle cx="10" cy="10" r="6.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
      {theme === 'auto' && <path d="M10 3.500a6.500 6.500 0 0 1 0 13z" fill="currentColor" />}
      {theme === 'dark' && <circle cx="10" cy="10" r="6.5" fill="currentColor" />}
      {theme === 'light' && <circle cx="10" cy="10" r="2.5" fill="currentColor" />}
    </svg>
  );
}

function readTheme(): Theme {
  const { theme } = document.documentElement.dataset;
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

function applyTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    if (theme === 'auto') localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, theme);
  } catch {
    // Storage is closed to us: the choice lasts as long as the page.
  }
}
