import { readLive, waitingView, type LiveRequest, type LiveView } from 'millrace/wire';
import type { ConnectionStatus } from './connection.ts';
import type { SwitchboardMessage, TabMessage } from './port-messages.ts';
import { Switchboard } from './switchboard.ts';

interface Followed {
  readonly query: LiveRequest['query'];
  readonly listeners: Set<() => void>;
  /** What arrived last. */
  latest: LiveView;
  /** What the page shows: the latest of the last frame, or of the moment when it was paused. */
  shown: LiveView;
}

// A page that nobody looks at needs nothing evaluated for it.
const restAfterHiddenMs = 15_000;
// A query that a page leaves is often asked for by the next one.
const keepMs = 2_000;

const lessMotion = matchMedia('(prefers-reduced-motion: reduce)');

/** Faster than this nobody can read; who asked for less motion gets it once a second. */
function frameMs(): number {
  return lessMotion.matches ? 1_000 : 100;
}

/** The tab's side of the live data: what is followed, and what is shown of it, frame by frame. */
export class LiveClient {
  readonly #followed = new Map<string, Followed>();
  readonly #changed = new Set<string>();
  readonly #statusListeners = new Set<() => void>();
  readonly #openPort: OpenPort;
  #port: MessagePort | undefined;
  #status: ConnectionStatus = { state: 'connecting', sinceMs: Date.now(), clockOffsetMs: 0 };
  #paused = false;
  #framePlanned = false;
  #drawnAtMs = 0;
  #restTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(openPort: OpenPort = openSharedPort) {
    this.#openPort = openPort;
    this.#wake();
    document.addEventListener('visibilitychange', () => this.#watchVisibility());
    addEventListener('pagehide', () => this.#rest());
    addEventListener('pageshow', () => this.#wake());
  }

  /** Calls `listener` when what is shown of the query changed. Returns the cancellation. */
  follow(key: string, query: LiveRequest['query'], listener: () => void): () => void {
    let followed = this.#followed.get(key);
    if (followed === undefined) {
      followed = { query, listeners: new Set(), latest: waitingView, shown: waitingView };
      this.#followed.set(key, followed);
      this.#post({ type: 'follow', key, query });
    }
    const { listeners } = followed;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) setTimeout(() => this.#leave(key), keepMs);
    };
  }

  view(key: string): LiveView {
    return this.#followed.get(key)?.shown ?? waitingView;
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** While paused the page stands still; what arrives meanwhile is shown when it goes on. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#planFrame();
    this.#tellStatus();
  }

  /** Now, by the server's clock. */
  nowMs(): number {
    return Date.now() + this.#status.clockOffsetMs;
  }

  #leave(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined || followed.listeners.size > 0) return;
    this.#followed.delete(key);
    this.#post({ type: 'unfollow', key });
  }

  #wake(): void {
    if (this.#port !== undefined) return;
    const port = this.#openPort(() => {
      this.#port = undefined;
      this.#wake();
    });
    this.#port = port;
    port.addEventListener('message', ({ data }: MessageEvent<SwitchboardMessage>) => this.#receive(data));
    port.start();
    this.#holdLock();
    for (const [key, { query }] of this.#followed) this.#post({ type: 'follow', key, query });
  }

  #rest(): void {
    this.#post({ type: 'bye' });
    this.#port = undefined;
    this.#loseAll();
  }

  #watchVisibility(): void {
    clearTimeout(this.#restTimer);
    if (document.visibilityState === 'visible') this.#wake();
    else this.#restTimer = setTimeout(() => this.#rest(), restAfterHiddenMs);
  }

  #holdLock(): void {
    // Only pages of a secure context have locks; the others say `bye`.
    if (!('locks' in navigator)) return;
    const name = `millrace-tab-${crypto.randomUUID()}`;
    void navigator.locks.request(name, () => {
      this.#post({ type: 'lock', name });
      return new Promise<never>(() => {});
    });
  }

  #receive(message: SwitchboardMessage): void {
    switch (message.type) {
      case 'status':
        this.#status = message.status;
        this.#tellStatus();
        return;
      case 'lost':
        return this.#loseAll();
      case 'view':
        return this.#show(message.key, () => message.view);
      case 'message':
        return this.#show(message.key, (held) => {
          const { view, resync } = readLive(held, { type: 'message', message: message.message });
          const followed = this.#followed.get(message.key);
          if (resync && followed !== undefined)
            this.#post({ type: 'follow', key: message.key, query: followed.query });
          return view;
        });
    }
  }

  #show(key: string, next: (held: LiveView) => LiveView): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    followed.latest = next(followed.latest);
    this.#changed.add(key);
    this.#planFrame();
  }

  #loseAll(): void {
    for (const key of this.#followed.keys()) this.#show(key, (held) => readLive(held, { type: 'lost' }).view);
  }

  /** The first change is drawn at once; whatever arrives soon after it is drawn together. */
  #planFrame(): void {
    if (this.#framePlanned) return;
    this.#framePlanned = true;
    const waitMs = this.#drawnAtMs + frameMs() - performance.now();
    setTimeout(() => requestAnimationFrame(() => this.#drawChanged()), Math.max(0, waitMs));
  }

  #drawChanged(): void {
    this.#framePlanned = false;
    this.#drawnAtMs = performance.now();
    for (const key of this.#changed) this.#draw(key);
  }

  #draw(key: string): void {
    const followed = this.#followed.get(key);
    // A page that is paused still shows what it showed nothing of before.
    if (followed !== undefined && this.#paused && followed.shown.result !== undefined) return;
    this.#changed.delete(key);
    if (followed === undefined) return;
    followed.shown = followed.latest;
    for (const listener of followed.listeners) listener();
  }

  #tellStatus(): void {
    for (const listener of this.#statusListeners) listener();
  }

  #post(message: TabMessage): void {
    this.#port?.postMessage(message);
  }
}

/** Makes a port to a switchboard; calls `onFailure` when it turns out that nobody is behind it. */
export type OpenPort = (onFailure: () => void) => MessagePort;

/** Of all sources of this build; put in by the bundler. */
declare const BUILD_HASH: string;

let sharedFailed = false;
let own: Switchboard | undefined;

/** The port to the browser's shared connection; where there is no shared worker, to one of this tab's own. */
function openSharedPort(onFailure: () => void): MessagePort {
  if (sharedFailed || !('SharedWorker' in globalThis)) {
    const { port1, port2 } = new MessageChannel();
    own ??= new Switchboard();
    own.add(port1);
    return port2;
  }
  // Pages of another build, in a tab that was not loaded anew, keep to a worker of their own.
  const worker = new SharedWorker('/shared-worker.js', { type: 'module', name: `millrace ${BUILD_HASH}` });
  worker.addEventListener('error', () => {
    sharedFailed = true;
    onFailure();
  });
  return worker.port;
}
