import { setTimeout as delay } from 'node:timers/promises';
import type { ShopEvent } from './shop.ts';

/** Sends events to the public HTTP API until they are answered: ids make a repeated request harmless. */
export class Sender {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #signal: AbortSignal;

  constructor(options: { url: string; key: string | undefined; signal: AbortSignal }) {
    this.#url = new URL('/v1/events', options.url).href;
    this.#headers = { 'content-type': 'application/x-ndjson', 'x-source': 'shoppers' };
    if (options.key !== undefined) this.#headers['authorization'] = `Bearer ${options.key}`;
    this.#signal = options.signal;
  }

  /** Resolves when the server has answered for all of them; rejects only when asked to stop. */
  async send(events: readonly ShopEvent[], options: { isHistory?: boolean } = {}): Promise<void> {
    if (events.length === 0) return;
    // History says nothing about how fast live results are.
    const headers = options.isHistory === true ? { ...this.#headers, 'x-replayed': '1' } : this.#headers;
    const body = events.map((event) => JSON.stringify(event)).join('\n');
    for (let attempt = 0; ; attempt++) {
      const waitMs = await this.#post(body, { headers, attempt });
      if (waitMs === undefined) return;
      await delay(waitMs, undefined, { signal: this.#signal });
    }
  }

  /** Undefined when answered, else how long to wait before the next attempt. */
  async #post(body: string, options: PostOptions): Promise<number | undefined> {
    const { headers, attempt } = options;
    const backoffMs = Math.min(5000, 100 * 2 ** Math.min(attempt, 6));
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(30_000)]),
      });
      const answer = await response.text();
      if (response.ok || response.status === 422) return undefined;
      if (response.status !== 429 && response.status < 500) {
        throw new Error(`the server refused the events: ${response.status} ${answer.slice(0, 300)}`);
      }
      const retryAfterMs = Number(response.headers.get('retry-after')) * 1000;
      return retryAfterMs > 0 ? retryAfterMs : backoffMs;
    } catch (error) {
      // fetch reports an unreachable server as a TypeError; everything else is not ours to repeat.
      const isUnreachable = error instanceof TypeError || (error as Error).name === 'TimeoutError';
      if (this.#signal.aborted || !isUnreachable) throw error;
      return backoffMs;
    }
  }
}

interface PostOptions {
  readonly headers: Record<string, string>;
  readonly attempt: number;
}
