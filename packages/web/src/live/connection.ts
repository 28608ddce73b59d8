import {
  ReaderSet,
  type LiveHeartbeat,
  type LiveHello,
  type LiveMessage,
  type LiveRequest,
} from 'millrace/wire';
import { readEvents, type StreamEvent } from './event-stream.ts';

/** `connecting`: no answer yet, since the start. `lost`: it was open before, and is tried again. */
export interface ConnectionStatus {
  readonly state: 'connecting' | 'open' | 'lost';
  readonly sinceMs: number;
  /** What the server said of itself; kept while the connection is lost. */
  readonly hello?: LiveHello;
  /** Server's clock minus ours. */
  readonly clockOffsetMs: number;
  /** Why the last attempt failed, where it is more than "no answer". */
  readonly reason?: string;
}

export interface ConnectionOptions {
  readonly onMessage: (message: LiveMessage) => void;
  /** The reader missed something and asks again; what it holds is old until then. */
  readonly onLost: () => void;
  readonly onStatus: (status: ConnectionStatus) => void;
}

const retryMs = { first: 250, max: 4_000, growth: 1.7 };
const silenceFactor = 2.5;
const helloTimeoutMs = 10_000;

/**
 * One stream of live messages that keeps itself open: reconnects with a growing pause, notices silence, and
 * renews the session when the server asks for one.
 */
export class Connection {
  readonly readers = new ReaderSet();
  readonly #options: ConnectionOptions;
  #status: ConnectionStatus = { state: 'connecting', sinceMs: Date.now(), clockOffsetMs: 0 };
  #abort = new AbortController();
  #failures = 0;
  #revision = 0;
  #requestPlanned = false;
  #wake = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    addEventListener('online', () => this.#wake());
    void this.#run();
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  add(id: string, query: LiveRequest['query']): void {
    this.readers.add(id, query);
    this.#request();
  }

  remove(id: string): void {
    this.readers.remove(id);
    this.#request();
  }

  async #run(): Promise<never> {
    for (;;) {
      this.#abort = new AbortController();
      let reason: string | undefined;
      try {
        reason = await this.#listen(this.#abort);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
      this.#lose(reason);
      await this.#pause();
    }
  }

  /** Ends with the stream; the reason where the server refused it. */
  async #listen(abort: AbortController): Promise<string | undefined> {
    let silence = setTimeout(() => abort.abort(), helloTimeoutMs);
    try {
      const response = await fetch('/v1/live', { signal: abort.signal, cache: 'no-store' });
      if (response.status === 401) return await renewSession();
      if (!response.ok || response.body === null) return await refusalOf(response);
      for await (const event of readEvents(response.body)) {
        clearTimeout(silence);
        this.#receive(event);
        const heartbeatMs = this.#status.hello?.heartbeatMs ?? helloTimeoutMs;
        silence = setTimeout(() => abort.abort(), heartbeatMs * silenceFactor);
      }
      return undefined;
    } finally {
      clearTimeout(silence);
    }
  }

  #receive({ event, data }: StreamEvent): void {
    if (event === 'message') this.#read(JSON.parse(data) as LiveMessage);
    else if (event === 'hello') this.#open(JSON.parse(data) as LiveHello);
    else if (event === 'heartbeat') this.#compare(JSON.parse(data) as LiveHeartbeat);
  }

  #open(hello: LiveHello): void {
    this.#failures = 0;
    this.#revision = 0;
    this.#setStatus({ state: 'open', sinceMs: Date.now(), hello, clockOffsetMs: hello.nowMs - Date.now() });
    void this.#send(true);
  }

  #read(message: LiveMessage): void {
    const again = this.readers.receive(message);
    this.#options.onMessage(message);
    if (again) this.#request();
  }

  #compare({ nowMs, versions }: LiveHeartbeat): void {
    this.#setStatus({ ...this.#status, clockOffsetMs: nowMs - Date.now() });
    if (!this.readers.compare(versions)) return;
    this.#options.onLost();
    this.#request();
  }

  #lose(reason: string | undefined): void {
    this.readers.lose();
    this.#options.onLost();
    const state = this.#status.hello === undefined ? 'connecting' : 'lost';
    const sinceMs = this.#status.state === state ? this.#status.sinceMs : Date.now();
    const { hello, clockOffsetMs } = this.#status;
    const known = hello === undefined ? {} : { hello };
    this.#setStatus({ state, sinceMs, clockOffsetMs, ...known, ...(reason === undefined ? {} : { reason }) });
  }

  #pause(): Promise<void> {
    const growing = retryMs.first * retryMs.growth ** this.#failures++;
    const pauseMs = Math.min(retryMs.max, growing) * (0.7 + 0.6 * Math.random());
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Several changes of one moment are one request. */
  #request(): void {
    if (this.#requestPlanned) return;
    this.#requestPlanned = true;
    setTimeout(() => {
      this.#requestPlanned = false;
      if (this.#status.state === 'open') void this.#send(false);
    });
  }

  /** A set that cannot be delivered leaves the server with an old one: the connection is begun anew. */
  async #send(fresh: boolean): Promise<void> {
    const { hello } = this.#status;
    if (hello === undefined) return;
    const abort = this.#abort;
    const revision = ++this.#revision;
    const body = { connection: hello.connection, revision, queries: this.readers.requests(fresh) };
    try {
      const response = await fetch('/v1/live/subscriptions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: abort.signal,
      });
      if (!response.ok) abort.abort();
    } catch {
      abort.abort();
    }
  }

  #setStatus(status: ConnectionStatus): void {
    this.#status = status;
    this.#options.onStatus(status);
  }
}

async function refusalOf(response: Response): Promise<string> {
  const reply = (await response.json().catch(() => ({}))) as { message?: string };
  return reply.message ?? `the server answered ${response.status}`;
}

/** The page itself carries the session; a restarted server has forgotten the old one. */
async function renewSession(): Promise<string> {
  await fetch('/', { cache: 'no-store' });
  return 'the session was renewed';
}
