import { useSyncExternalStore } from 'react';

export type Route =
  | { readonly page: 'dashboard'; readonly name: string | undefined }
  | { readonly page: 'explore' | 'alerts' | 'pipeline' | 'unknown' };

export function routeOf(path: string): Route {
  const [first = '', second] = path.split('/').filter((part) => part !== '');
  if (first === '') return { page: 'dashboard', name: undefined };
  if (first === 'dashboards' && second !== undefined)
    return { page: 'dashboard', name: decodeURIComponent(second) };
  if (first === 'explore' || first === 'alerts' || first === 'pipeline') return { page: first };
  return { page: 'unknown' };
}

export function pathOf(route: Route): string {
  if (route.page !== 'dashboard') return `/${route.page}`;
  return route.name === undefined ? '/' : `/dashboards/${encodeURIComponent(route.name)}`;
}

const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) addEventListener('popstate', tell);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) removeEventListener('popstate', tell);
  };
}

export function navigate(address: string): void {
  history.pushState(null, '', address);
  tell();
}

/** The same page under another address, such as after a choice in a form: no new step of the history. */
export function replaceAddress(address: string): void {
  history.replaceState(null, '', address);
  tell();
}

export function useRoute(): Route {
  return routeOf(useSyncExternalStore(subscribe, () => location.pathname));
}

/** The part of the address after `?`. */
export function useSearch(): string {
  return useSyncExternalStore(subscribe, () => location.search);
}
