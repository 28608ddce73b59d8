import type { ServerResponse } from 'node:http';
import type { Clock } from '@millrace/core/base';
import type { LiveViewer } from '@millrace/core/live';
import type { LiveHeartbeat, LiveHello } from '../wire/index.ts';

export interface LiveStreamOptions {
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

// What one write carries; the socket's own buffer comes on top. A reader that is slower gets fewer, newer
// messages.
const writeBytesMax = 64 * 1024;
const drainTimeoutMs = 60_000;

/**
 * One open response of server-sent events.
 *
 * ```
 *   open ── write refused ──▶ full ── drained ──▶ open   (in full nothing is computed, nothing kept)
 *     └───────────── response closed, or full for a minute ──────────▶ closed
 * ```
 */
export class LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #viewer: LiveViewer;
  #state: 'open' | 'full' | 'closed' = 'open';
  #flushing = false;
  #cancelHeartbeat = () => {};
  #cancelDrainTimeout = () => {};
  /** The highest revision of subscriptions that was applied. */
  revision = 0;

  constructor(connect: (wake: () => void) => LiveViewer, options: LiveStreamOptions) {
    this.#options = options;
    this.#viewer = connect(() => this.#flushSoon());
    options.response.on('drain', () => this.#drained());
    options.response.on('close', () => this.close());
  }

  get viewer(): LiveViewer {
    return this.#viewer;
  }

  begin(hello: LiveHello): void {
    const { response } = this.#options;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    this.#write(`retry: 1000\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    this.#planHeartbeat();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelHeartbeat();
    this.#cancelDrainTimeout();
    this.#viewer.close();
    this.#options.response.end();
  }

  /** Several changes of one turn of the event loop go out as one write. */
  #flushSoon(): void {
    if (this.#flushing || this.#state !== 'open') return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#state === 'open' && this.#viewer.due) {
      const messages = this.#viewer.take(writeBytesMax);
      if (messages.length > 0) this.#write(`data: ${messages.join('\n\ndata: ')}\n\n`);
    }
  }

  #write(text: string): void {
    if (this.#options.response.write(text)) return;
    this.#state = 'full';
    this.#cancelDrainTimeout = this.#options.clock.schedule(
      () => this.#options.response.destroy(),
      drainTimeoutMs,
    );
  }

  #drained(): void {
    if (this.#state !== 'full') return;
    this.#cancelDrainTimeout();
    this.#state = 'open';
    this.#flushSoon();
  }

  #planHeartbeat(): void {
    const { clock, heartbeatMs } = this.#options;
    this.#cancelHeartbeat = clock.schedule(() => {
      // While it is full the reader hears from us anyhow, and what was sent last is not what it holds.
      if (this.#state === 'open') {
        const heartbeat: LiveHeartbeat = { nowMs: clock.nowMs(), versions: this.#viewer.versions() };
        this.#write(`event: heartbeat\ndata: ${JSON.stringify(heartbeat)}\n\n`);
      }
      this.#planHeartbeat();
    }, heartbeatMs);
  }
}
