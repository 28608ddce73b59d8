import { type LiveMessage, type LiveView, readLive, waitingView } from '@millrace/core/live/reader';

/** What the page is to the server: a session, and one connection on which live results arrive. */
export class PageSession {
  readonly url: string;
  readonly #cookie: string;

  private constructor(url: string, cookie: string) {
    this.url = url;
    this.#cookie = cookie;
  }

  /** Opens the page as a browser does, and keeps the session it is given. */
  static async open(url: string): Promise<PageSession> {
    const response = await fetch(url);
    await response.arrayBuffer();
    const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0]);
    return new PageSession(url, cookie.join('; '));
  }

  async get<Answer>(path: string): Promise<Answer> {
    const response = await fetch(new URL(path, this.url), { headers: { cookie: this.#cookie } });
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  /** Records that are stored but not loaded yet. */
  async lag(): Promise<number> {
    const identities =
      await this.get<readonly { parts: readonly { label: string; value: number }[] }[]>(
        '/v1/pipeline/identities',
      );
    for (const { parts } of identities) {
      const lag = parts.find((part) => part.label === 'lag');
      if (lag !== undefined) return lag.value;
    }
    throw new Error('the pipeline report names no lag');
  }

  /** Resolves when everything that is stored is loaded too. */
  async untilLoaded(): Promise<void> {
    while ((await this.lag()) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /**
   * Follows live queries until the signal aborts; `onView` is called with each new state of a query, and with
   * the time at which the bytes arrived. Rejects when the server ends the connection.
   */
  async follow(
    queries: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    options: { signal: AbortSignal; onView: (id: string, view: LiveView, arrivedAtMs: number) => void },
  ): Promise<void> {
    const requests = Object.entries(queries).map(([id, query]) => ({ id, query }));
    const address = new URL('/v1/live', this.url);
    address.searchParams.set('queries', JSON.stringify(requests));
    const response = await fetch(address, { headers: { cookie: this.#cookie }, signal: options.signal });
    if (!response.ok || response.body === null) throw new Error(`/v1/live answered ${response.status}`);
    const views = new Map<string, LiveView>();
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body) {
        const arrivedAtMs = Date.now();
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        const end = text.lastIndexOf('\n\n');
        if (end < 0) continue;
        for (const block of text.slice(0, end).split('\n\n')) {
          const message = messageOf(block);
          if (message === undefined) continue;
          const { view } = readLive(views.get(message.query) ?? waitingView, { type: 'message', message });
          views.set(message.query, view);
          options.onView(message.query, view, arrivedAtMs);
        }
        text = text.slice(end + 2);
      }
    } catch (error) {
      if (!options.signal.aborted) throw error;
    }
  }
}

/** Undefined for greetings and heartbeats, which are events with a name. */
function messageOf(block: string): LiveMessage | undefined {
  if (!block.startsWith('data: ')) return undefined;
  return JSON.parse(block.slice('data: '.length)) as LiveMessage;
}
