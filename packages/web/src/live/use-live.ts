import { createContext, useCallback, useContext, useMemo, useState, useSyncExternalStore } from 'react';
import { waitingView, type LiveRequest, type LiveResult, type LiveView } from 'millrace/wire';
import type { ConnectionStatus } from './connection.ts';
import type { LiveClient } from './live-client.ts';

export const LiveContext = createContext<LiveClient | undefined>(undefined);

export function useLiveClient(): LiveClient {
  const client = useContext(LiveContext);
  if (client === undefined) throw new Error('LiveContext is missing above this component');
  return client;
}

/** What is known of the query, renewed as it changes; nothing where there is nothing to ask. */
export function useLive(query: LiveRequest['query'] | undefined): LiveView {
  const client = useLiveClient();
  const key = query === undefined ? undefined : JSON.stringify(query);
  const subscribe = useCallback(
    (listener: () => void) => {
      if (key === undefined) return () => {};
      return client.follow(key, JSON.parse(key) as LiveRequest['query'], listener);
    },
    [client, key],
  );
  return useSyncExternalStore(subscribe, () => (key === undefined ? waitingView : client.view(key)));
}

export interface LiveReportView<Report> {
  readonly view: LiveView;
  /** Undefined until the first answer. */
  readonly report: Report | undefined;
}

/** A live document; sections that did not change stay the same objects. */
export function useReport<Report>(name: string): LiveReportView<Report> {
  const query = useMemo(() => ({ source: 'report', name }), [name]);
  const view = useLive(query);
  const [reader] = useState(() => new ReportReader());
  const report = useMemo(() => view.result && (reader.read(view.result) as Report), [reader, view.result]);
  return { view, report };
}

class ReportReader {
  #sections = new Map<string, { readonly text: string; readonly document: unknown }>();

  read(result: LiveResult): Readonly<Record<string, unknown>> {
    const before = this.#sections;
    this.#sections = new Map(
      (result.rows as readonly (readonly [string, string])[]).map(([section, text]) => {
        const known = before.get(section);
        return [section, known?.text === text ? known : { text, document: JSON.parse(text) as unknown }];
      }),
    );
    return Object.fromEntries([...this.#sections].map(([section, { document }]) => [section, document]));
  }
}

export function useConnectionStatus(): ConnectionStatus & { readonly paused: boolean } {
  const client = useLiveClient();
  const subscribe = useCallback((listener: () => void) => client.onStatus(listener), [client]);
  const status = useSyncExternalStore(subscribe, () => client.status);
  const paused = useSyncExternalStore(subscribe, () => client.paused);
  return { ...status, paused };
}
