import { useSyncExternalStore } from 'react';
import { useLiveClient } from './use-live.ts';

const listeners = new Set<() => void>();
let seconds = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    seconds++;
    for (const each of listeners) each();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The server's time, renewed once a second for everybody in one go. */
export function useNow(): number {
  const client = useLiveClient();
  useSyncExternalStore(subscribe, () => seconds);
  return client.nowMs();
}
